// Calls from the kernel's C into its Python.
//
// A command is the hot path. What a generic call would look up each time (attribute, bound method,
// kind of function, module globals) is looked up once, when the driver is registered. Arguments and
// results are machine words: no object is made for them.

#include <string.h>

#include "objects/grant.h"
#include "kernel/capsule.h"
#include "kernel/contain.h"
#include "kernel/log.h"
#include "kernel/syscall.h"
#include "py/objexcept.h"
#include "py/objfun.h"
#include "py/objint.h"
#include "py/runtime.h"
#include "py/gc.h"
#include "py/smallint.h"

driver_t drivers[MAX_DRIVERS];
uint8_t driver_count;
uint8_t driver_slots[128];

unsigned driver_add(uint32_t number, mp_obj_t layout) {
    if (driver_find(number) != NULL) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("driver 0x%x is already served"), number);
    }
    if (driver_count == MAX_DRIVERS) {
        mp_raise_msg(&mp_type_ValueError, MP_ERROR_TEXT("no room for another driver"));
    }
    unsigned index = driver_count;
    driver_t *driver = &drivers[index];
    driver->number = number;
    driver->layout = layout;
    allocator_apply_layout(driver, layout);
    unsigned slot = driver_hash(number);
    while (driver_slots[slot] != 0) {
        slot = (slot + 1) % 128;
    }
    driver_slots[slot] = index + 1;
    driver_count++;
    return index;
}

// The same two words as in py/objboundmeth.c, which keeps its type to itself.
typedef struct {
    mp_obj_base_t base;
    mp_obj_t method, self;
} bound_method_t;

const void *bound_method_self(mp_obj_t method) {
    return mp_obj_is_type(method, &mp_type_bound_meth) ? MP_OBJ_TO_PTR(((bound_method_t *)MP_OBJ_TO_PTR(method))->self) : NULL;
}

// Calls whatever the generic way can call.
static mp_obj_t call_any(mp_obj_t function, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    return mp_call_function_n_kw(function, n_args, n_kw, args);
}

// A function written in Python: what C offers is an mp_obj_is_fun(), too, but has no module.
static bool is_python_function(mp_obj_t object) {
    return mp_obj_is_type(object, &mp_type_fun_bc) || mp_obj_is_type(object, &mp_type_fun_native)
        || mp_obj_is_type(object, &mp_type_fun_viper);
}

bool driver_serve(unsigned index, mp_obj_t command, unsigned capsule) {
    driver_t *driver = &drivers[index];
    bound_method_t *bound = MP_OBJ_TO_PTR(command);
    if (!mp_obj_is_type(command, &mp_type_bound_meth) || !is_python_function(bound->method)) {
        return false;
    }
    driver->capsule = capsule;
    driver->function = bound->method;
    driver->self = bound->self;
    driver->takes_words = mp_obj_is_type(bound->method, &mp_type_fun_viper);
    mp_obj_fun_bc_t *function = MP_OBJ_TO_PTR(bound->method);
    if (driver->takes_words) {
        driver->entry = MICROPY_MAKE_POINTER_CALLABLE((void *)function->bytecode);
    } else {
        driver->entry = call_any;
    }
    driver->globals = function->context->module.globals;
    return true;
}

// -- Arguments ----------------------------------------------------------------

// Any number as an object, for functions that turn their arguments into machine words
// before anything else, so that none can keep these objects, which the next call overwrites.
typedef struct {
    mp_obj_int_t number;
    mpz_dig_t digits[(32 + MPZ_DIG_SIZE - 1) / MPZ_DIG_SIZE];
} word_object_t;

static mp_obj_t word_object(word_object_t *object, uint32_t value) {
    object->number.base.type = &mp_type_int;
    object->number.mpz = (mpz_t) { .neg = 0, .fixed_dig = 1, .alloc = MP_ARRAY_SIZE(object->digits), .dig = object->digits };
    for (; value != 0; value >>= MPZ_DIG_SIZE) {
        object->digits[object->number.mpz.len++] = value & ((1u << MPZ_DIG_SIZE) - 1);
    }
    return MP_OBJ_FROM_PTR(&object->number);
}

// -- Results ------------------------------------------------------------------

// There is one object for each kind of result; the numbers that go with it lie in `result_words`
// until the command has returned, which is before the next one can begin.
typedef struct {
    mp_obj_base_t base;
    uint32_t variant;
} command_return_t;

static const command_return_t return_success = { { &command_return_type }, RETURN_SUCCESS };
static const command_return_t return_success_u32 = { { &command_return_type }, RETURN_SUCCESS_U32 };
static const command_return_t return_success_u32_u32 = { { &command_return_type }, RETURN_SUCCESS_U32_U32 };
static uint32_t result_words[2];

static inline uint32_t word(mp_obj_t value) {
    return mp_obj_is_small_int(value) ? (uint32_t)MP_OBJ_SMALL_INT_VALUE(value) : (uint32_t)mp_obj_get_int_truncated(value);
}

// success_u32(value): one number to the process.
static mp_obj_t success_u32(mp_obj_t value) {
    result_words[0] = word(value);
    return MP_OBJ_FROM_PTR(&return_success_u32);
}
static MP_DEFINE_CONST_FUN_OBJ_1(success_u32_obj, success_u32);

// success_u32_shifted(value, shift): value << shift, without a Python int of more than 30 bits.
static mp_obj_t success_u32_shifted(mp_obj_t value, mp_obj_t shift) {
    result_words[0] = word(value) << (word(shift) & 31);
    return MP_OBJ_FROM_PTR(&return_success_u32);
}
static MP_DEFINE_CONST_FUN_OBJ_2(success_u32_shifted_obj, success_u32_shifted);

static mp_obj_t success_u32_u32(mp_obj_t first, mp_obj_t second) {
    result_words[0] = word(first);
    result_words[1] = word(second);
    return MP_OBJ_FROM_PTR(&return_success_u32_u32);
}
static MP_DEFINE_CONST_FUN_OBJ_2(success_u32_u32_obj, success_u32_u32);

MP_DEFINE_CONST_OBJ_TYPE(command_return_type, MP_QSTR_CommandReturn, MP_TYPE_FLAG_NONE);

// Safety: runs Python on behalf of a process. Whatever that does, it comes back here: by returning
// or by raising. `frame` is the process's exception frame, stacked under the MPU's eye.
void capsule_command(driver_t *driver, process_t *process, exception_frame_t *frame) {
    static word_object_t words[3];
    if (driver->entry == NULL) {
        syscall_fail(frame, ERROR_NODEVICE);
        return;
    }
    mp_obj_t args[5];
    args[0] = driver->self;
    if ((frame->r1 | frame->r2 | frame->r3) <= (uint32_t)MP_SMALL_INT_MAX) {
        args[1] = MP_OBJ_NEW_SMALL_INT(frame->r1);
        args[2] = MP_OBJ_NEW_SMALL_INT(frame->r2);
        args[3] = MP_OBJ_NEW_SMALL_INT(frame->r3);
    } else if (driver->takes_words) {
        args[1] = word_object(&words[0], frame->r1);
        args[2] = word_object(&words[1], frame->r2);
        args[3] = word_object(&words[2], frame->r3);
    } else {
        args[1] = MP_OBJ_NULL; // may need memory: below, where failing is caught
    }
    args[4] = process->id_object;
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        contain_failed(driver->capsule, MP_OBJ_FROM_PTR(nlr.ret_val), "command", frame->r1);
        syscall_fail(frame, ERROR_FAIL);
        return;
    }
    contain_enter(driver->capsule);
    result_words[0] = result_words[1] = 0; // a capsule may have kept a result of an earlier command
    if (args[1] == MP_OBJ_NULL) {
        args[1] = mp_obj_new_int_from_uint(frame->r1);
        args[2] = mp_obj_new_int_from_uint(frame->r2);
        args[3] = mp_obj_new_int_from_uint(frame->r3);
    }
    mp_globals_set(driver->globals);
    mp_obj_t result = driver->entry(driver->function, 5, 0, args);
    contain_leave();
    nlr_pop();
    if (mp_obj_is_small_int(result)) {
        mp_int_t error = MP_OBJ_SMALL_INT_VALUE(result);
        if (error > 0 && error <= ERROR_NOACK) {
            syscall_fail(frame, error);
            return;
        }
    } else if (mp_obj_is_obj(result) && ((mp_obj_base_t *)MP_OBJ_TO_PTR(result))->type == &command_return_type) {
        // Only the registers that the variant names: apps keep live values in the others.
        uint32_t variant = ((command_return_t *)MP_OBJ_TO_PTR(result))->variant;
        frame->r0 = variant;
        if (variant != RETURN_SUCCESS) {
            frame->r1 = result_words[0];
        }
        if (variant == RETURN_SUCCESS_U32_U32) {
            frame->r2 = result_words[1];
        }
        return;
    }
    kernel_printf("kernel: the command of driver 0x%x returned neither success nor an error\n", (unsigned)driver->number);
    syscall_fail(frame, ERROR_FAIL);
}

void capsule_collect_roots(void) {
    gc_collect_root((void **)drivers, sizeof(drivers) / (sizeof(void *)));
}

// -- What every capsule may import --------------------------------------------

#define ERROR_ENTRY(name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_INT(ERROR_##name) }

static const mp_rom_map_elem_t error_code_locals_table[] = {
    ERROR_ENTRY(FAIL),
    ERROR_ENTRY(BUSY),
    ERROR_ENTRY(ALREADY),
    ERROR_ENTRY(OFF),
    ERROR_ENTRY(RESERVE),
    ERROR_ENTRY(INVAL),
    ERROR_ENTRY(SIZE),
    ERROR_ENTRY(CANCEL),
    ERROR_ENTRY(NOMEM),
    ERROR_ENTRY(NOSUPPORT),
    ERROR_ENTRY(NODEVICE),
    ERROR_ENTRY(UNINSTALLED),
    ERROR_ENTRY(NOACK),
};
static MP_DEFINE_CONST_DICT(error_code_locals, error_code_locals_table);
static MP_DEFINE_CONST_OBJ_TYPE(
    error_code_type, MP_QSTR_ErrorCode, MP_TYPE_FLAG_NONE,
    locals_dict, &error_code_locals);

static mp_obj_t kernel_log(mp_obj_t text) {
    kernel_printf("%s\n", mp_obj_str_get_str(text));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(kernel_log_obj, kernel_log);

// log_u32(text, high, low): the text, then high << 16 | low in hexadecimal; no line end.
static mp_obj_t kernel_log_u32(mp_obj_t text, mp_obj_t high, mp_obj_t low) {
    kernel_printf("%s%x", mp_obj_str_get_str(text), (unsigned)(word(high) << 16 | (word(low) & 0xffff)));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(kernel_log_u32_obj, kernel_log_u32);

static const mp_rom_map_elem_t kernel_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_kernel) },
    { MP_ROM_QSTR(MP_QSTR_ErrorCode), MP_ROM_PTR(&error_code_type) },
    { MP_ROM_QSTR(MP_QSTR_Layout), MP_ROM_PTR(&layout_type) },
    { MP_ROM_QSTR(MP_QSTR_call_client), MP_ROM_PTR(&contain_call_client_obj) },
    { MP_ROM_QSTR(MP_QSTR_deferred), MP_ROM_PTR(&contain_deferred_obj) },
    { MP_ROM_QSTR(MP_QSTR_shared), MP_ROM_PTR(&contain_shared_obj) },
    { MP_ROM_QSTR(MP_QSTR_log), MP_ROM_PTR(&kernel_log_obj) },
    { MP_ROM_QSTR(MP_QSTR_log_u32), MP_ROM_PTR(&kernel_log_u32_obj) },
    { MP_ROM_QSTR(MP_QSTR_SUCCESS), MP_ROM_PTR(&return_success) },
    { MP_ROM_QSTR(MP_QSTR_success_u32), MP_ROM_PTR(&success_u32_obj) },
    { MP_ROM_QSTR(MP_QSTR_success_u32_shifted), MP_ROM_PTR(&success_u32_shifted_obj) },
    { MP_ROM_QSTR(MP_QSTR_success_u32_u32), MP_ROM_PTR(&success_u32_u32_obj) },
};
static MP_DEFINE_CONST_DICT(kernel_globals, kernel_globals_table);

const mp_obj_module_t kernel_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&kernel_globals,
};
