// Layout: the shape of a grant, as Python says it.

#ifndef ADDER_OBJECTS_LAYOUT_H
#define ADDER_OBJECTS_LAYOUT_H

#include "core/grant.h"
#include "py/obj.h"

extern const mp_obj_type_t layout_type;
const grant_shape_t *layout_shape(mp_obj_t layout); // raises if it is not a Layout

#endif
