// Entry: a capsule's record in one process.

#include "kernel/driver.h"
#include "kernel/upcall.h"
#include "objects/entry.h"
#include "objects/user_buffer.h"
#include "py/runtime.h"

static entry_t *entry_check(mp_obj_t self_in) {
    entry_t *self = MP_OBJ_TO_PTR(self_in);
    if (!entry_valid(self)) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("the process of this grant has ended"));
    }
    return self;
}

// entry[n]: a 32-bit field of the record, 0 at first.
// Safety: the block lies in the process's memory between grant_start and ram_end, which the process
// cannot access, and the entry is valid: checked at each use.
static mp_obj_t entry_subscr(mp_obj_t self_in, mp_obj_t index, mp_obj_t value) {
    if (value == MP_OBJ_NULL || !mp_obj_is_small_int(index)) {
        return MP_OBJ_NULL;
    }
    entry_t *self = entry_check(self_in);
    mp_uint_t number = MP_OBJ_SMALL_INT_VALUE(index);
    if (number >= (mp_uint_t)(self->shape->words - self->shape->fields_at)) {
        mp_raise_type(&mp_type_IndexError);
    }
    uint32_t *field = &self->block[self->shape->fields_at + number];
    if (value == MP_OBJ_SENTINEL) {
        return mp_obj_new_int_from_uint(*field);
    }
    *field = mp_obj_get_int_truncated(value);
    return mp_const_none;
}

// entry.schedule_upcall(number, a0, a1, a2, shift=0): queue an upcall with the arguments shifted
// left by `shift`; 32: a1 and the lower half of a2 are two halves of one, and the upper half is the third.
// False if the process's queue was full.
mp_obj_t entry_schedule_upcall(size_t n_args, const mp_obj_t *args) {
    entry_t *self = entry_check(args[0]);
    unsigned number = mp_obj_get_int(args[1]);
    unsigned shift = n_args > 5 ? mp_obj_get_int(args[5]) : 0;
    if (number >= self->shape->count[GRANT_UPCALLS]) {
        mp_raise_ValueError(MP_ERROR_TEXT("the layout has no such upcall"));
    }
    uint32_t values[3];
    for (unsigned i = 0; i < 3; i++) {
        values[i] = (uint32_t)mp_obj_get_int_truncated(args[2 + i]) << (shift & 31);
    }
    if (shift == 32) {
        values[1] = values[1] << 16 | (values[2] & 0xffff);
        values[2] >>= 16;
    }
    return mp_obj_new_bool(process_schedule_upcall(self->process, driver_of(self->shape), number, values));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(entry_schedule_upcall_obj, 5, 6, entry_schedule_upcall);

// The view of buffer `number` of this kind. Views of one kind follow those of the kind before.
static mp_obj_t entry_view(mp_obj_t self_in, mp_obj_t number_in, grant_kind_t kind) {
    entry_t *self = MP_OBJ_TO_PTR(self_in);
    mp_uint_t number = mp_obj_get_int(number_in);
    if (number >= self->shape->count[kind]) {
        mp_raise_ValueError(MP_ERROR_TEXT("the layout has no such buffer"));
    }
    unsigned word = self->shape->at[kind] + 2 * number;
    mp_obj_t *view = &self->views[(word - self->shape->at[GRANT_READ_WRITE]) / 2];
    if (*view == MP_OBJ_NULL) {
        *view = user_buffer_new(self, word, kind != GRANT_READ_ONLY);
    }
    return *view;
}

// entry.read_write(n), entry.read_only(n), entry.readable(n): the buffer that the process allowed.
static mp_obj_t entry_read_write(mp_obj_t self, mp_obj_t number) {
    return entry_view(self, number, GRANT_READ_WRITE);
}
static MP_DEFINE_CONST_FUN_OBJ_2(entry_read_write_obj, entry_read_write);

static mp_obj_t entry_read_only(mp_obj_t self, mp_obj_t number) {
    return entry_view(self, number, GRANT_READ_ONLY);
}
static MP_DEFINE_CONST_FUN_OBJ_2(entry_read_only_obj, entry_read_only);

static mp_obj_t entry_readable(mp_obj_t self, mp_obj_t number) {
    return entry_view(self, number, GRANT_READABLE);
}
static MP_DEFINE_CONST_FUN_OBJ_2(entry_readable_obj, entry_readable);

// entry.alive(): whether its process is still the one it was made for.
static mp_obj_t entry_alive(mp_obj_t self) {
    return mp_obj_new_bool(entry_valid(MP_OBJ_TO_PTR(self)));
}
static MP_DEFINE_CONST_FUN_OBJ_1(entry_alive_obj, entry_alive);

static const mp_rom_map_elem_t entry_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_alive), MP_ROM_PTR(&entry_alive_obj) },
    { MP_ROM_QSTR(MP_QSTR_schedule_upcall), MP_ROM_PTR(&entry_schedule_upcall_obj) },
    { MP_ROM_QSTR(MP_QSTR_read_only), MP_ROM_PTR(&entry_read_only_obj) },
    { MP_ROM_QSTR(MP_QSTR_read_write), MP_ROM_PTR(&entry_read_write_obj) },
    { MP_ROM_QSTR(MP_QSTR_readable), MP_ROM_PTR(&entry_readable_obj) },
};
static MP_DEFINE_CONST_DICT(entry_locals, entry_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    entry_type, MP_QSTR_Entry, MP_TYPE_FLAG_NONE,
    subscr, entry_subscr,
    locals_dict, &entry_locals);
