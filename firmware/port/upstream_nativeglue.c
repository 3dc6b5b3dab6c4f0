// py/nativeglue.c, compiled unchanged, with two entries of its function table replaced by quicker
// ones: machine code made by the native emitter reaches everything through that table.

#include <stdarg.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "py/runtime.h"
#include "py/smallint.h"
#include "py/nativeglue.h"
#include "py/gc.h"
#include "py/objtype.h"

// An attribute that the instance itself holds; anything else goes the long way. A look at each slot of
// a small table beats mp_map_lookup, whose one cache serves all tables: there the cost depends on which
// names happen to share a cache entry.
#define SMALL_TABLE (16)

static mp_obj_t load_attr(mp_obj_t base, qstr attr) {
    if (mp_obj_is_obj(base)) {
        const mp_obj_instance_t *self = MP_OBJ_TO_PTR(base);
        if (mp_obj_is_instance_type(self->base.type) && self->members.alloc <= SMALL_TABLE) {
            const mp_map_elem_t *element = self->members.table;
            const mp_map_elem_t *end = element + self->members.alloc;
            for (mp_obj_t key = MP_OBJ_NEW_QSTR(attr); element != end; element++) {
                if (element->key == key) {
                    return element->value;
                }
            }
        }
    }
    return mp_load_attr(base, attr);
}

// A small int to a machine word; anything else goes the long way.
mp_uint_t mp_native_from_obj_any(mp_obj_t object, mp_uint_t type);

mp_uint_t mp_native_from_obj(mp_obj_t object, mp_uint_t type) {
    if (type == MP_NATIVE_TYPE_INT && mp_obj_is_small_int(object)) {
        return MP_OBJ_SMALL_INT_VALUE(object);
    }
    return mp_native_from_obj_any(object, type);
}

// In the table the names stand alone; the definition is followed by a parenthesis.
#define mp_load_attr load_attr
#define mp_native_from_obj(...) mp_native_from_obj_any(__VA_ARGS__)

#include "py/nativeglue.c"
