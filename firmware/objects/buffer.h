// Buffer: bytes with one owner.

#ifndef ADDER_OBJECTS_BUFFER_H
#define ADDER_OBJECTS_BUFFER_H

#include <stdint.h>

#include "py/obj.h"

extern const mp_obj_type_t buffer_type;

// The bytes [start, start + *length) of a Buffer, *length cut to the buffer's window. Raises if the
// handle was moved from, is locked, or `start` lies outside the window.
uint8_t *buffer_range(mp_obj_t buffer, mp_obj_t start, uint32_t *length);

// For DMA: the first `length` bytes of the buffer, of which nobody may use any until it is unlocked.
uint8_t *buffer_lock(mp_obj_t buffer, uint32_t length);
void buffer_unlock(mp_obj_t buffer);

void buffer_collect_roots(void);

#endif
