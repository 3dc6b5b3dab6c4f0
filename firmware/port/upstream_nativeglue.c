// py/nativeglue.c, compiled unchanged, with ten entries of its function table replaced by quicker
// ones: machine code made by the native emitter reaches everything through that table.

#include <stdarg.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/running.h"
#include "py/runtime.h"
#include "py/smallint.h"
#include "py/nativeglue.h"
#include "py/gc.h"
#include "py/objtype.h"
#include "port/quick.h"

// An attribute that the instance itself holds; anything else goes the long way. If it is not where the name was found
// last, a look at each slot beats mp_map_lookup, above all if the table is full and does not hold it.

// The instance, if it is one of a class.
static mp_obj_instance_t *instance(mp_obj_t base) {
    if (mp_obj_is_obj(base)) {
        mp_obj_instance_t *self = MP_OBJ_TO_PTR(base);
        if (mp_obj_is_instance_type(self->base.type)) {
            return self;
        }
    }
    return NULL;
}

static inline mp_map_elem_t *own_attr(mp_obj_instance_t *self, qstr attr) {
    mp_obj_t key = MP_OBJ_NEW_QSTR(attr);
    mp_map_elem_t *element = quick_find(&self->members, key);
    if (element != NULL) {
        return element;
    }
    element = self->members.table;
    for (const mp_map_elem_t *end = element + self->members.alloc; element != end; element++) {
        if (element->key == key) {
            quick_found(&self->members, element);
            return element;
        }
    }
    return NULL;
}

static bool has_accessors(const mp_obj_instance_t *self) {
    return self->base.type->flags & MP_TYPE_FLAG_HAS_SPECIAL_ACCESSORS;
}

static mp_obj_t load_attr(mp_obj_t base, qstr attr) {
    mp_obj_instance_t *self = instance(base);
    const mp_map_elem_t *own = self == NULL ? NULL : own_attr(self, attr);
    return own != NULL ? own->value : mp_load_attr(base, attr);
}

void quick_store_attr(mp_obj_t base, qstr attr, mp_obj_t value) {
    mp_obj_instance_t *self = instance(base);
    mp_map_elem_t *own = self == NULL || has_accessors(self) ? NULL : own_attr(self, attr);
    if (own != NULL && value != MP_OBJ_NULL) { // which would delete it
        own->value = value;
    } else {
        mp_store_attr(base, attr, value);
    }
}

#define FEW_SLOTS (8)
// What is to be called: a function that the instance itself holds, which is called without the instance, one of its class,
// or a method of one of C's types. Base classes, properties and the like go the long way. In the kernel no attribute hides
// a method (CP014): there nobody looks through an instance that may have dozens before the class.
void quick_load_method(mp_obj_t base, qstr attr, mp_obj_t *dest) {
    if (mp_obj_is_obj(base)) {
        const mp_obj_type_t *type = ((mp_obj_base_t *)MP_OBJ_TO_PTR(base))->type;
        mp_obj_instance_t *self = mp_obj_is_instance_type(type) ? MP_OBJ_TO_PTR(base) : NULL;
        const mp_map_elem_t *own = NULL;
        if (self != NULL) {
            bool class_first = self->members.alloc > FEW_SLOTS && in_kernel();
            own = class_first ? quick_find(&self->members, MP_OBJ_NEW_QSTR(attr)) : own_attr(self, attr);
        }
        if (own != NULL) {
            dest[0] = own->value;
            dest[1] = MP_OBJ_NULL;
            return;
        }
        if (MP_OBJ_TYPE_HAS_SLOT(type, locals_dict) && (self != NULL ? !has_accessors(self) : !MP_OBJ_TYPE_HAS_SLOT(type, attr))) {
            mp_map_t *members = &MP_OBJ_TYPE_GET_SLOT(type, locals_dict)->map;
            mp_map_elem_t *member = quick_find(members, MP_OBJ_NEW_QSTR(attr));
            if (member == NULL) { // another name has the place
                member = mp_map_lookup(members, MP_OBJ_NEW_QSTR(attr), MP_MAP_LOOKUP);
            }
            unsigned flags = member == NULL || !mp_obj_is_obj(member->value) ? 0 : ((mp_obj_base_t *)MP_OBJ_TO_PTR(member->value))->type->flags;
            // Of a class in Python, one of C's functions is called without the instance.
            if (flags & MP_TYPE_FLAG_BINDS_SELF && !(self != NULL && flags & MP_TYPE_FLAG_BUILTIN_FUN)) {
                dest[0] = member->value;
                dest[1] = base;
                return;
            }
        }
    }
    mp_load_method(base, attr, dest);
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
#define mp_binary_op quick_binary_op
#define mp_call_function_n_kw quick_call
#define mp_call_method_n_kw quick_call_method
#define mp_load_attr load_attr
#define mp_load_global quick_load_global
#define mp_load_method quick_load_method
#define mp_obj_is_true quick_is_true
#define mp_obj_subscr quick_subscr
#define mp_store_attr quick_store_attr
#define mp_native_from_obj(...) mp_native_from_obj_any(__VA_ARGS__)

#include "py/nativeglue.c"
