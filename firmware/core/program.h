// A program in flash: what its header says, after all of it was checked (kernel/tbf.c).

#ifndef ADDER_CORE_PROGRAM_H
#define ADDER_CORE_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#define TBF_ANY_ADDRESS (0xffffffffu)

typedef struct {
    uint32_t start, end; // the whole of it in flash, header, padding and footers included
    uint32_t app_start;  // first byte after the header and the protected trailer
    uint32_t init;       // address of the first instruction, bit 0 set
    uint32_t min_ram;
    uint32_t fixed_ram, fixed_flash; // TBF_ANY_ADDRESS if position independent
    uint32_t short_id;       // 0 if none
    uint32_t kernel_version; // major, and minor in the upper half; 0 if it names none
    const char *name;  // not terminated
    uint16_t name_length;
    uint16_t writeable_regions;
    const uint32_t *writeable; // {offset, size} pairs
    const uint8_t *permissions; // {driver, offset, mask low, mask high} quadruples, unaligned
    uint32_t storage_write_id;
    uint32_t python_state; // bytes from the beginning of its RAM to its interpreter's state
    uint16_t permission_count;
    bool has_permissions;
    bool has_storage;
    bool python;                // runs on the shared interpreter: all that it brings is bytecode
    bool python_executable_ram; // its own machine code may run in its RAM
    bool enabled;
    bool program; // has a main or program header: not just padding
} tbf_t;

#endif
