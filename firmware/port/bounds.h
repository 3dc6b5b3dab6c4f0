// What MicroPython does without a bound: see bounds.c.

#ifndef ADDER_PORT_BOUNDS_H
#define ADDER_PORT_BOUNDS_H

#include <stddef.h>

// Before a search for text of this length at so many places: ValueError if that takes the kernel too long.
void bounds_check_search(size_t places, size_t length);

#endif
