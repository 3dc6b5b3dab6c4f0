// Memory-mapped I/O: windows onto the peripherals that the board's manifest lists.

#ifndef ADDER_OBJECTS_REGISTERS_H
#define ADDER_OBJECTS_REGISTERS_H

#include <stdint.h>

#include "py/obj.h"

// A way by which a peripheral reads or writes memory on its own: offsets of its registers.
typedef struct {
    qstr name;
    uint16_t pointer, length; // where, and how much
    uint16_t end;             // reads as something else than 0 when a transfer is over, until 0 is written
    uint16_t off;             // reads as 0 when the peripheral is off, which ends a transfer, too; 0: it has no such register
    bool shared;              // the driver goes on writing to the buffer, which hardware reads alone
    uint8_t unit;             // bytes that `length` counts by; 0: each transfer is of `length` bytes, without a register
} dma_channel_t;

// One peripheral, from boards/*/memory.toml.
typedef struct {
    qstr name;
    uint32_t base, size;
    const uint16_t *protected_offsets; // registers that no write through a window reaches; sorted
    uint8_t protected_count;
    uint8_t channel_count;
    uint8_t first_channel; // in dma_channels[]
} peripheral_t;

typedef struct {
    qstr peripheral, name;
    uint8_t line;
} interrupt_name_t;

extern const mp_obj_type_t registers_type;
mp_obj_t registers_new(qstr name);            // for the board only
void mmio_collect_roots(void);
unsigned mmio_interrupt(qstr peripheral, qstr name); // the line that the manifest names

#endif
