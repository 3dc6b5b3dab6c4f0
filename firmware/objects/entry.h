// Entry: a capsule's record in one process (core/grant.h).

#ifndef ADDER_OBJECTS_ENTRY_H
#define ADDER_OBJECTS_ENTRY_H

#include "py/obj.h"

extern const mp_obj_type_t entry_type;

#endif
