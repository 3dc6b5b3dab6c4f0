// Short ways for what interpreter and machine code do most. Each is what MicroPython does in the case that is by far the
// most frequent, without the calls; where it is another case, MicroPython's own function is called.

#ifndef ADDER_QUICK_H
#define ADDER_QUICK_H

#include "py/objarray.h"
#include "py/objlist.h"
#include "py/objmodule.h"
#include "py/objstr.h"
#include "py/objtuple.h"
#include "py/objtype.h"
#include "py/runtime.h"
#include "py/smallint.h"

// Of the places where names were found last none lies idle: not each 64th name shares one.
_Static_assert((64 << 3 >> 2) % MICROPY_OPT_MAP_LOOKUP_CACHE_SIZE == 64, "a name's place is its number's lower bits");

// The element of a name, if it is where the name was found last, in whatever table that was; mp_map_lookup begins so, too.
static inline mp_map_elem_t *quick_find(const mp_map_t *map, mp_obj_t key) {
    size_t place = MP_STATE_VM(map_lookup_cache)[((uintptr_t)key >> 2) % MICROPY_OPT_MAP_LOOKUP_CACHE_SIZE];
    return place < map->alloc && map->table[place].key == key ? &map->table[place] : NULL;
}

static inline void quick_found(const mp_map_t *map, const mp_map_elem_t *element) {
    MP_STATE_VM(map_lookup_cache)[((uintptr_t)element->key >> 2) % MICROPY_OPT_MAP_LOOKUP_CACHE_SIZE] = element - map->table;
}

static inline mp_obj_t quick_load_global(qstr name) {
    mp_map_elem_t *found = quick_find(&mp_globals_get()->map, MP_OBJ_NEW_QSTR(name));
    return found != NULL ? found->value : mp_load_global(name);
}

static inline mp_obj_t quick_call(mp_obj_t function, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    if (mp_obj_is_obj(function)) {
        const mp_obj_type_t *type = ((mp_obj_base_t *)MP_OBJ_TO_PTR(function))->type;
        if (MP_OBJ_TYPE_HAS_SLOT(type, call)) {
            return MP_OBJ_TYPE_GET_SLOT(type, call)(function, n_args, n_kw, args);
        }
    }
    return mp_call_function_n_kw(function, n_args, n_kw, args);
}

static inline mp_obj_t quick_call_method(size_t n_args, size_t n_kw, const mp_obj_t *args) {
    int self = args[1] != MP_OBJ_NULL;
    return quick_call(args[0], n_args + self, n_kw, args + 2 - self);
}

// In upstream_nativeglue.c.
void quick_store_attr(mp_obj_t base, qstr attr, mp_obj_t value);
void quick_load_method(mp_obj_t base, qstr attr, mp_obj_t *dest);

// Items of lists and tuples, and of bytes, counted from the beginning.
static inline mp_obj_t quick_subscr(mp_obj_t base, mp_obj_t index, mp_obj_t value) {
    if (mp_obj_is_obj(base) && mp_obj_is_small_int(index) && value != MP_OBJ_NULL) {
        size_t at = MP_OBJ_SMALL_INT_VALUE(index);
        mp_obj_list_t *list = MP_OBJ_TO_PTR(base);
        mp_obj_tuple_t *tuple = MP_OBJ_TO_PTR(base);
        mp_obj_array_t *array = MP_OBJ_TO_PTR(base);
        mp_obj_str_t *text = MP_OBJ_TO_PTR(base);
        if (list->base.type == &mp_type_list && at < list->len) {
            if (value == MP_OBJ_SENTINEL) {
                return list->items[at];
            }
            list->items[at] = value;
            return mp_const_none;
        }
        if (value == MP_OBJ_SENTINEL) {
            if (tuple->base.type == &mp_type_tuple && at < tuple->len) {
                return tuple->items[at];
            }
            if (text->base.type == &mp_type_bytes && at < text->len) {
                return MP_OBJ_NEW_SMALL_INT(text->data[at]);
            }
        }
        if (array->base.type == &mp_type_bytearray && at < array->len) {
            byte *items = array->items;
            if (value == MP_OBJ_SENTINEL) {
                return MP_OBJ_NEW_SMALL_INT(items[at]);
            }
            if (mp_obj_is_small_int(value)) {
                items[at] = MP_OBJ_SMALL_INT_VALUE(value);
                return mp_const_none;
            }
        }
    }
    return mp_obj_subscr(base, index, value);
}

static inline bool quick_is_true(mp_obj_t value) {
    return value == mp_const_true || (value != mp_const_false && value != mp_const_none && mp_obj_is_true(value));
}

// Small integers: comparisons, sums and differences.
static inline mp_obj_t quick_binary_op(mp_binary_op_t op, mp_obj_t left, mp_obj_t right) {
    if (mp_obj_is_small_int(left) && mp_obj_is_small_int(right)) {
        mp_int_t a = MP_OBJ_SMALL_INT_VALUE(left), b = MP_OBJ_SMALL_INT_VALUE(right);
        if (op <= MP_BINARY_OP_NOT_EQUAL) { // a digit each, from the right: < > == <= >= !=; its bits: less, equal, more
            return mp_obj_new_bool(0x563241 >> (4 * op + (a > b) - (a < b) + 1) & 1);
        }
        bool add = op == MP_BINARY_OP_ADD || op == MP_BINARY_OP_INPLACE_ADD;
        mp_int_t result = add ? a + b : a - b;
        if ((add || op == MP_BINARY_OP_SUBTRACT || op == MP_BINARY_OP_INPLACE_SUBTRACT) && MP_SMALL_INT_FITS(result)) {
            return MP_OBJ_NEW_SMALL_INT(result);
        }
    }
    return mp_binary_op(op, left, right);
}

#endif
