// Memory-mapped I/O: windows onto the peripherals that the board's manifest lists.

#ifndef ADDER_CORE_MMIO_H
#define ADDER_CORE_MMIO_H

#include <stdint.h>

#include "py/obj.h"

// One peripheral, from boards/*/memory.toml.
typedef struct {
    qstr name;
    uint32_t base, size;
    const uint16_t *protected_offsets; // registers that are not plain memory: no write through a window
    uint8_t protected_count;
} peripheral_t;

typedef struct {
    qstr peripheral, name;
    uint8_t line;
} interrupt_name_t;

extern const mp_obj_type_t registers_type, register_field_type;
mp_obj_t registers_new(qstr name);            // for the board only
unsigned mmio_interrupt(qstr peripheral, qstr name); // the line that the manifest names

#endif
