// Field: some bits of one register.

#ifndef ADDER_OBJECTS_REGISTER_FIELD_H
#define ADDER_OBJECTS_REGISTER_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "py/obj.h"

extern const mp_obj_type_t register_field_type;
mp_obj_t register_field_new(volatile uint32_t *address, mp_uint_t shift, mp_uint_t width, bool inverted, bool writable);

#endif
