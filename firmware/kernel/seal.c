// The seal: see seal.h.

#include "core/running.h"
#include "kernel/seal.h"
#include "py/objmodule.h"
#include "py/objtype.h"
#include "py/runtime.h"

void kernel_check_not_sealed(void) {
    if (kernel_sealed) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("the kernel is sealed"));
    }
}

static mp_obj_t refuse_import(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    mp_raise_msg_varg(&mp_type_ImportError, MP_ERROR_TEXT("no import of %q: the kernel is sealed"), mp_obj_str_get_qstr(args[0]));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR(refuse_import_obj, 1, refuse_import);

// Looked at before MicroPython's own builtins.
static const mp_rom_map_elem_t overrides_table[] = {
    { MP_ROM_QSTR(MP_QSTR___import__), MP_ROM_PTR(&refuse_import_obj) },
};
static MP_DEFINE_CONST_DICT(overrides, overrides_table);

static void seal_class(mp_obj_t object) {
    if (mp_obj_is_type(object, &mp_type_type)) {
        const mp_obj_type_t *type = MP_OBJ_TO_PTR(object);
        if (MP_OBJ_TYPE_HAS_SLOT(type, locals_dict)) {
            mp_obj_dict_t *dict = (mp_obj_dict_t *)MP_OBJ_TYPE_GET_SLOT(type, locals_dict);
            if (!dict->map.is_fixed) { // it is in RAM
                dict->map.is_fixed = 1;
            }
        }
    }
}

static void seal_module(mp_obj_dict_t *globals) {
    if (globals->map.is_fixed) {
        return;
    }
    globals->map.is_fixed = 1;
    for (size_t i = 0; i < globals->map.alloc; i++) {
        if (mp_map_slot_is_filled(&globals->map, i)) {
            seal_class(globals->map.table[i].value);
        }
    }
}

void kernel_seal(void) {
    mp_map_t *modules = &MP_STATE_VM(mp_loaded_modules_dict).map;
    for (size_t i = 0; i < modules->alloc; i++) {
        if (mp_map_slot_is_filled(modules, i) && mp_obj_is_type(modules->table[i].value, &mp_type_module)) {
            seal_module(((mp_obj_module_t *)MP_OBJ_TO_PTR(modules->table[i].value))->globals);
        }
    }
    seal_module(&MP_STATE_VM(dict_main));
    mp_map_init_fixed_table(modules, 0, NULL); // nobody imports any more: the modules' own objects are garbage
    MP_STATE_VM(mp_module_builtins_override_dict) = (mp_obj_dict_t *)&overrides;
    kernel_sealed = true;
}
