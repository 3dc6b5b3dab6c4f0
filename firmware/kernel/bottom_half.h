// Bottom halves: what interrupts have left to be done, in Python.

#ifndef ADDER_KERNEL_BOTTOM_HALF_H
#define ADDER_KERNEL_BOTTOM_HALF_H

#include "py/obj.h"

// Run the bottom half of each line that is pending now, once.
void bottom_halves_run(void);

// Acknowledge an interrupt whose handler is a tuple; returns the handler itself.
mp_obj_t bottom_half_acknowledge(mp_obj_t tuple);

#endif
