// TakeCell: a value with one owner.

#ifndef ADDER_CORE_TAKE_CELL_H
#define ADDER_CORE_TAKE_CELL_H

#include "py/obj.h"

extern const mp_obj_type_t take_cell_type;

#endif
