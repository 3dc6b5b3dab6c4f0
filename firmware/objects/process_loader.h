// ProcessLoader: the power to begin processes and to remove them.

#ifndef ADDER_OBJECTS_PROCESS_LOADER_H
#define ADDER_OBJECTS_PROCESS_LOADER_H

#include "py/obj.h"

extern const mp_obj_base_t process_loader_power;

#endif
