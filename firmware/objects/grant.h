// Grant: the power to keep a record in every process.

#ifndef ADDER_OBJECTS_GRANT_H
#define ADDER_OBJECTS_GRANT_H

#include "py/obj.h"

extern const mp_obj_type_t grant_type;
mp_obj_t grant_new(unsigned driver);   // for the board only
unsigned grant_driver(mp_obj_t grant); // raises if it is not a Grant

#endif
