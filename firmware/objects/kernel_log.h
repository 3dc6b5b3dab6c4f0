// KernelLog: the power to read the kernel's messages.

#ifndef ADDER_OBJECTS_KERNEL_LOG_H
#define ADDER_OBJECTS_KERNEL_LOG_H

#include "py/obj.h"

extern const mp_obj_base_t kernel_log_power;

#endif
