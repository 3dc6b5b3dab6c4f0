// py/vm.c, compiled unchanged, but what it does most is done on the spot: calls, globals, methods and attributes that are
// where they were the last time, items of lists, and the arithmetic of small integers.

#include <stdio.h>
#include <string.h>
#include <assert.h>

#include "py/emitglue.h"
#include "py/objtype.h"
#include "py/objfun.h"
#include "py/runtime.h"
#include "py/bc0.h"
#include "py/profile.h"
#include "port/quick.h"

static inline mp_obj_t vm_load_name(qstr name) {
    return mp_locals_get() == mp_globals_get() ? quick_load_global(name) : mp_load_name(name);
}

// Of a module, whatever it holds.
static inline mp_map_elem_t *vm_global_of(mp_obj_t base, qstr name) {
    return mp_obj_is_exact_type(base, &mp_type_module)
        ? quick_find(&((mp_obj_module_t *)MP_OBJ_TO_PTR(base))->globals->map, MP_OBJ_NEW_QSTR(name)) : NULL;
}

static inline void vm_load_method(mp_obj_t base, qstr name, mp_obj_t *dest) {
    mp_map_elem_t *found = vm_global_of(base, name);
    if (found == NULL) {
        quick_load_method(base, name, dest);
    } else {
        dest[0] = found->value;
        dest[1] = MP_OBJ_NULL;
    }
}

static inline mp_obj_t vm_load_attr(mp_obj_t base, qstr name) {
    mp_map_elem_t *found = vm_global_of(base, name);
    return found != NULL ? found->value : mp_load_attr(base, name);
}

static inline mp_map_elem_t *vm_lookup(mp_map_t *map, mp_obj_t key, mp_map_lookup_kind_t kind) {
    mp_map_elem_t *found = quick_find(map, key);
    return found != NULL ? found : mp_map_lookup(map, key, kind);
}

#define mp_binary_op quick_binary_op
#define mp_call_function_n_kw quick_call
#define mp_call_method_n_kw quick_call_method
#define mp_load_attr vm_load_attr
#define mp_load_global quick_load_global
#define mp_load_method vm_load_method
#define mp_load_name vm_load_name
#define mp_map_lookup vm_lookup
#define mp_obj_is_true quick_is_true
#define mp_obj_subscr quick_subscr
#define mp_store_attr quick_store_attr

#include "py/vm.c"
