// User buffers: what a process has allowed a driver to read or write.

#ifndef ADDER_OBJECTS_USER_BUFFER_H
#define ADDER_OBJECTS_USER_BUFFER_H

#include "core/grant.h"
#include "py/obj.h"

extern const mp_obj_type_t user_buffer_type;

// A view of the allowed range at word `word` of the entry's grant.
mp_obj_t user_buffer_new(entry_t *entry, unsigned word, bool writable);

// The range as it is now; length 0 if it was revoked or the process has ended.
allowed_t user_buffer_range(mp_obj_t view);

// The same, for whatever object: TypeError if it is not a view; and if the process has not allowed writing.
allowed_t user_buffer_readable(mp_obj_t object);
allowed_t user_buffer_writable(mp_obj_t object);

// Whose it is, of a view.
process_t *user_buffer_process(mp_obj_t view);

#endif
