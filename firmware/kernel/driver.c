// Who serves which driver number.
//
// A command is the hot path. What a generic call would look up each time (attribute, bound method,
// kind of function, module globals) is looked up once, here, when a capsule begins to serve.

#include "core/wired.h"
#include "kernel/driver.h"
#include "py/cstack.h"
#include "py/gc.h"
#include "py/objfun.h"
#include "py/runtime.h"

driver_t drivers[MAX_DRIVERS];
WIRE_FACTS = { { "driver", sizeof(driver_t) }, { "driver.number", offsetof(driver_t, number) } };
uint8_t driver_count;
uint8_t driver_slots[128];

unsigned driver_add(uint32_t number, const grant_shape_t *shape) {
    if (driver_find(number) != NULL) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("driver 0x%x is already served"), number);
    }
    if (driver_count == MAX_DRIVERS) {
        mp_raise_msg(&mp_type_ValueError, MP_ERROR_TEXT("no room for another driver"));
    }
    unsigned index = driver_count;
    driver_t *driver = &drivers[index];
    driver->number = number;
    driver->shape = *shape;
    unsigned slot = driver_hash(number);
    while (driver_slots[slot] != 0) {
        slot = (slot + 1) % 128;
    }
    driver_slots[slot] = index + 1;
    driver_count++;
    return index;
}

static mp_obj_t call_callback(mp_obj_t self_in, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    const bound_method_t *self = MP_OBJ_TO_PTR(self_in);
    return mp_call_method_self_n_kw(self->method, self->self, n_args, n_kw, args);
}

MP_DEFINE_CONST_OBJ_TYPE(callback_type, MP_QSTR_callback, MP_TYPE_FLAG_NONE, call, call_callback);

static inline bool is_bound_method(mp_obj_t object) {
    return mp_obj_is_type(object, &callback_type) || mp_obj_is_type(object, &mp_type_bound_meth);
}

const void *bound_method_self(mp_obj_t method) {
    return is_bound_method(method) ? MP_OBJ_TO_PTR(((bound_method_t *)MP_OBJ_TO_PTR(method))->self) : NULL;
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

mp_obj_t bound_method_function(mp_obj_t method) {
    mp_obj_t function = is_bound_method(method) ? ((bound_method_t *)MP_OBJ_TO_PTR(method))->method : MP_OBJ_NULL;
    return function != MP_OBJ_NULL && is_python_function(function) ? function : MP_OBJ_NULL;
}

// Safety: the bound method is one, of a function in Python: only such a one has this structure.
bool driver_serve(unsigned index, mp_obj_t command, unsigned capsule) {
    driver_t *driver = &drivers[index];
    bound_method_t *bound = MP_OBJ_TO_PTR(command);
    if (!mp_obj_is_type(command, &mp_type_bound_meth) || !is_python_function(bound->method)) {
        return false;
    }
    driver->shape.capsule = capsule;
    driver->function = bound->method;
    driver->self = bound->self;
    driver->shape.takes_words = mp_obj_is_type(bound->method, &mp_type_fun_viper);
    mp_obj_fun_bc_t *function = MP_OBJ_TO_PTR(bound->method);
    if (driver->shape.takes_words) {
        driver->entry = MICROPY_MAKE_POINTER_CALLABLE((void *)function->bytecode);
    } else {
        driver->entry = call_any;
    }
    driver->globals = function->context->module.globals;
    return true;
}

// Safety: does what the generic way does for such a method.
mp_obj_t method_call(mp_obj_t method, size_t n_args, const mp_obj_t *args) {
    const bound_method_t *bound = MP_OBJ_TO_PTR(method);
    if (!is_bound_method(method) || n_args > METHOD_ARGS
        || !(mp_obj_is_type(bound->method, &mp_type_fun_viper) || mp_obj_is_type(bound->method, &mp_type_fun_native))) {
        return mp_call_function_n_kw(method, n_args, 0, args);
    }
    mp_cstack_check();
    const mp_obj_fun_bc_t *function = MP_OBJ_TO_PTR(bound->method);
    mp_obj_t all[1 + METHOD_ARGS] = { bound->self };
    for (size_t i = 0; i < n_args; i++) {
        all[1 + i] = args[i];
    }
    mp_globals_set(function->context->module.globals);
    mp_call_fun_t entry = mp_obj_is_type(bound->method, &mp_type_fun_viper)
        ? MICROPY_MAKE_POINTER_CALLABLE((void *)function->bytecode) : mp_obj_fun_native_get_function_start(function);
    return entry(bound->method, 1 + n_args, 0, all);
}

void driver_collect_roots(void) {
    gc_collect_root((void **)drivers, sizeof(drivers) / (sizeof(void *)));
}
