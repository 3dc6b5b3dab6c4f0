// ProcessControl: the power over processes.

#ifndef ADDER_OBJECTS_PROCESS_CONTROL_H
#define ADDER_OBJECTS_PROCESS_CONTROL_H

#include "py/obj.h"

extern const mp_obj_base_t process_control_power;

#endif
