// CommandReturn: what a command answers.

#ifndef ADDER_KERNEL_COMMAND_RETURN_H
#define ADDER_KERNEL_COMMAND_RETURN_H

#include <stdint.h>

#include "py/obj.h"

// There is one object for each kind of result; the numbers that go with it lie in `command_return_words`
// until the command has returned, which is before the next one can begin.
typedef struct {
    mp_obj_base_t base;
    uint32_t variant;
} command_return_t;

extern const mp_obj_type_t command_return_type;
extern const command_return_t command_return_success;
extern uint32_t command_return_words[2];

MP_DECLARE_CONST_FUN_OBJ_1(command_return_success_u32_obj);
MP_DECLARE_CONST_FUN_OBJ_2(command_return_success_u32_shifted_obj);
MP_DECLARE_CONST_FUN_OBJ_2(command_return_success_u32_u32_obj);
MP_DECLARE_CONST_FUN_OBJ_2(command_return_success_u64_obj);

static inline uint32_t word(mp_obj_t value) {
    return mp_obj_is_small_int(value) ? (uint32_t)MP_OBJ_SMALL_INT_VALUE(value) : (uint32_t)mp_obj_get_int_truncated(value);
}

#endif
