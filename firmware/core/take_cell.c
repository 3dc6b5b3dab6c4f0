// TakeCell: a place for one value. Code that uses the value takes it out, so that whatever comes in
// meanwhile, by a callback for instance, finds the cell empty and not a value half changed.

#include "core/take_cell.h"
#include "py/cstack.h"
#include "py/runtime.h"

typedef struct {
    mp_obj_base_t base;
    mp_obj_t value; // MP_OBJ_NULL if empty
} take_cell_t;

static mp_obj_t take_cell_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 0, 1, false);
    take_cell_t *self = mp_obj_malloc(take_cell_t, type);
    self->value = n_args == 1 ? args[0] : MP_OBJ_NULL;
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t swap(mp_obj_t self_in, mp_obj_t value) {
    take_cell_t *self = MP_OBJ_TO_PTR(self_in);
    mp_obj_t old = self->value;
    self->value = value;
    return old;
}

static mp_obj_t or_none(mp_obj_t value) {
    return value == MP_OBJ_NULL ? mp_const_none : value;
}

// cell.take(): the value, or None; the cell is empty afterwards.
static mp_obj_t take_cell_take(mp_obj_t self) {
    return or_none(swap(self, MP_OBJ_NULL));
}
static MP_DEFINE_CONST_FUN_OBJ_1(take_cell_take_obj, take_cell_take);

// cell.put(value): what was inside is dropped.
static mp_obj_t take_cell_put(mp_obj_t self, mp_obj_t value) {
    swap(self, value);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(take_cell_put_obj, take_cell_put);

// cell.replace(value): put it in; returns what was inside, or None.
static mp_obj_t take_cell_replace(mp_obj_t self, mp_obj_t value) {
    return or_none(swap(self, value));
}
static MP_DEFINE_CONST_FUN_OBJ_2(take_cell_replace_obj, take_cell_replace);

static mp_obj_t take_cell_is_none(mp_obj_t self) {
    return mp_obj_new_bool(((take_cell_t *)MP_OBJ_TO_PTR(self))->value == MP_OBJ_NULL);
}
static MP_DEFINE_CONST_FUN_OBJ_1(take_cell_is_none_obj, take_cell_is_none);

static mp_obj_t take_cell_is_some(mp_obj_t self) {
    return mp_obj_new_bool(((take_cell_t *)MP_OBJ_TO_PTR(self))->value != MP_OBJ_NULL);
}
static MP_DEFINE_CONST_FUN_OBJ_1(take_cell_is_some_obj, take_cell_is_some);

// function(value) with the cell empty; afterwards the value is back, unless `keep_empty` or the
// function has put another one in. MP_OBJ_NULL if the cell is empty.
static mp_obj_t apply(mp_obj_t self_in, mp_obj_t function, bool keep_empty) {
    mp_cstack_check(); // the function may be a cell's own, and so on: all of that is C
    mp_obj_t value = swap(self_in, MP_OBJ_NULL);
    if (value == MP_OBJ_NULL || keep_empty) {
        return value == MP_OBJ_NULL ? MP_OBJ_NULL : mp_call_function_1(function, value);
    }
    take_cell_t *self = MP_OBJ_TO_PTR(self_in);
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_obj_t result = mp_call_function_1(function, value);
        nlr_pop();
        if (self->value == MP_OBJ_NULL) {
            self->value = value;
        }
        return result;
    }
    if (self->value == MP_OBJ_NULL) {
        self->value = value;
    }
    nlr_jump(nlr.ret_val);
}

// cell.map(function): function(value), or None if empty; the value stays in the cell.
static mp_obj_t take_cell_map(mp_obj_t self, mp_obj_t function) {
    return or_none(apply(self, function, false));
}
static MP_DEFINE_CONST_FUN_OBJ_2(take_cell_map_obj, take_cell_map);

// cell.map_or(default, function): function(value), or the default if empty.
static mp_obj_t take_cell_map_or(mp_obj_t self, mp_obj_t otherwise, mp_obj_t function) {
    mp_obj_t result = apply(self, function, false);
    return result == MP_OBJ_NULL ? otherwise : result;
}
static MP_DEFINE_CONST_FUN_OBJ_3(take_cell_map_or_obj, take_cell_map_or);

// cell.map_or_else(default, function): function(value), or default() if empty.
static mp_obj_t take_cell_map_or_else(mp_obj_t self, mp_obj_t otherwise, mp_obj_t function) {
    mp_obj_t result = apply(self, function, false);
    return result == MP_OBJ_NULL ? mp_call_function_0(otherwise) : result;
}
static MP_DEFINE_CONST_FUN_OBJ_3(take_cell_map_or_else_obj, take_cell_map_or_else);

// cell.and_then(function): function(value), or None if empty; the function keeps the value.
static mp_obj_t take_cell_and_then(mp_obj_t self, mp_obj_t function) {
    return or_none(apply(self, function, true));
}
static MP_DEFINE_CONST_FUN_OBJ_2(take_cell_and_then_obj, take_cell_and_then);

static const mp_rom_map_elem_t take_cell_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_take), MP_ROM_PTR(&take_cell_take_obj) },
    { MP_ROM_QSTR(MP_QSTR_put), MP_ROM_PTR(&take_cell_put_obj) },
    { MP_ROM_QSTR(MP_QSTR_replace), MP_ROM_PTR(&take_cell_replace_obj) },
    { MP_ROM_QSTR(MP_QSTR_map), MP_ROM_PTR(&take_cell_map_obj) },
    { MP_ROM_QSTR(MP_QSTR_map_or), MP_ROM_PTR(&take_cell_map_or_obj) },
    { MP_ROM_QSTR(MP_QSTR_map_or_else), MP_ROM_PTR(&take_cell_map_or_else_obj) },
    { MP_ROM_QSTR(MP_QSTR_and_then), MP_ROM_PTR(&take_cell_and_then_obj) },
    { MP_ROM_QSTR(MP_QSTR_is_none), MP_ROM_PTR(&take_cell_is_none_obj) },
    { MP_ROM_QSTR(MP_QSTR_is_some), MP_ROM_PTR(&take_cell_is_some_obj) },
};
static MP_DEFINE_CONST_DICT(take_cell_locals, take_cell_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    take_cell_type, MP_QSTR_TakeCell, MP_TYPE_FLAG_NONE,
    make_new, take_cell_make_new,
    locals_dict, &take_cell_locals);
