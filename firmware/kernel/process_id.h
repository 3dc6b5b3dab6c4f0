// ProcessId: which process, and in which of its lives.

#ifndef ADDER_KERNEL_PROCESS_ID_H
#define ADDER_KERNEL_PROCESS_ID_H

#include "core/process.h"
#include "py/obj.h"

typedef struct {
    mp_obj_base_t base;
    process_t *process; // process_nobody once this life of it has ended
    uint32_t id, slot;
} process_id_t;

extern const mp_obj_type_t process_id_type;
process_t *process_from_id(mp_obj_t id); // NULL if it has ended; raises if it is not a ProcessId

#endif
