// InterruptLine: the power over one interrupt line.

#ifndef ADDER_OBJECTS_INTERRUPT_LINE_H
#define ADDER_OBJECTS_INTERRUPT_LINE_H

#include "py/obj.h"

extern const mp_obj_type_t interrupt_line_type;
mp_obj_t interrupt_line_new(unsigned line); // for the board only

// The number of an object's line; raises if that is not a software line.
unsigned interrupt_line_of_software(mp_obj_t line);

#endif
