// Entry: a capsule's record in one process (core/grant.h).

#ifndef ADDER_OBJECTS_ENTRY_H
#define ADDER_OBJECTS_ENTRY_H

#include "py/obj.h"

extern const mp_obj_type_t entry_type;

// The method, for grant.upcall().
mp_obj_t entry_schedule_upcall(size_t n_args, const mp_obj_t *args);

#endif
