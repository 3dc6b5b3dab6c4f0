// FlashRange: the power to erase and write one range of the flash.

#ifndef ADDER_OBJECTS_FLASH_RANGE_H
#define ADDER_OBJECTS_FLASH_RANGE_H

#include "py/obj.h"

extern const mp_obj_type_t flash_range_type;
mp_obj_t flash_range_new(qstr name); // for the board only

#endif
