// CommandReturn: what a command answers. See command_return.h.

#include "kernel/abi.h"
#include "kernel/command_return.h"
#include "py/runtime.h"

const command_return_t command_return_success = { { &command_return_type }, RETURN_SUCCESS };
static const command_return_t return_success_u32 = { { &command_return_type }, RETURN_SUCCESS_U32 };
static const command_return_t return_success_u32_u32 = { { &command_return_type }, RETURN_SUCCESS_U32_U32 };
static const command_return_t return_success_u64 = { { &command_return_type }, RETURN_SUCCESS_U64 };
uint32_t command_return_words[2];

// success_u32(value): one number to the process.
static mp_obj_t success_u32(mp_obj_t value) {
    command_return_words[0] = word(value);
    return MP_OBJ_FROM_PTR(&return_success_u32);
}
MP_DEFINE_CONST_FUN_OBJ_1(command_return_success_u32_obj, success_u32);

// success_u32_shifted(value, shift): value << shift, without a Python int of more than 30 bits.
static mp_obj_t success_u32_shifted(mp_obj_t value, mp_obj_t shift) {
    command_return_words[0] = word(value) << (word(shift) & 31);
    return MP_OBJ_FROM_PTR(&return_success_u32);
}
MP_DEFINE_CONST_FUN_OBJ_2(command_return_success_u32_shifted_obj, success_u32_shifted);

static mp_obj_t success_u32_u32(mp_obj_t first, mp_obj_t second) {
    command_return_words[0] = word(first);
    command_return_words[1] = word(second);
    return MP_OBJ_FROM_PTR(&return_success_u32_u32);
}
MP_DEFINE_CONST_FUN_OBJ_2(command_return_success_u32_u32_obj, success_u32_u32);

// success_u64(low, high): one number of 64 bits, in two halves.
static mp_obj_t success_u64(mp_obj_t low, mp_obj_t high) {
    success_u32_u32(low, high);
    return MP_OBJ_FROM_PTR(&return_success_u64);
}
MP_DEFINE_CONST_FUN_OBJ_2(command_return_success_u64_obj, success_u64);

MP_DEFINE_CONST_OBJ_TYPE(command_return_type, MP_QSTR_CommandReturn, MP_TYPE_FLAG_NONE);
