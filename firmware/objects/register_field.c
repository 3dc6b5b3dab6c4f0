// Field: some bits of one register. field() reads them, field(value) writes them and leaves the register's other bits (a
// field of 32 bits is written without a read). Reading one of up to 30 bits makes no object. An inverted one reads a
// counter that counts down.

#include "objects/register_field.h"
#include "py/runtime.h"

typedef struct {
    mp_obj_base_t base;
    volatile uint32_t *address;
    uint32_t mask; // of the value, before it is shifted
    uint8_t shift;
    bool writable;
    bool inverted; // the bits are read upside down
} register_field_t;

// Safety: `address` is that of a register of the peripheral that the caller's Registers is for.
mp_obj_t register_field_new(volatile uint32_t *address, mp_uint_t shift, mp_uint_t width, bool inverted, bool writable) {
    if (width < 1 || width > 32 || shift > 32 - width) {
        mp_raise_ValueError(MP_ERROR_TEXT("a field lies within 32 bits"));
    }
    register_field_t *field = mp_obj_malloc(register_field_t, &register_field_type);
    field->address = address;
    field->mask = width == 32 ? 0xffffffff : (1u << width) - 1;
    field->inverted = inverted;
    field->shift = shift;
    field->writable = writable;
    return MP_OBJ_FROM_PTR(field);
}

static void check_field_writable(const register_field_t *self) {
    if (!self->writable) {
        mp_raise_ValueError(MP_ERROR_TEXT("the register is protected"));
    }
}

static mp_obj_t field_value(const register_field_t *self) {
    return mp_obj_new_int_from_uint((*self->address >> self->shift & self->mask) ^ (self->inverted ? self->mask : 0));
}

static mp_obj_t register_field_call(mp_obj_t self_in, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    register_field_t *self = MP_OBJ_TO_PTR(self_in);
    if (n_args == 0 && n_kw == 0) {
        return field_value(self);
    }
    if (n_args != 1 || n_kw != 0) {
        mp_arg_check_num(n_args, n_kw, 0, 1, false);
    }
    check_field_writable(self);
    uint32_t value = mp_obj_is_small_int(args[0]) ? (uint32_t)MP_OBJ_SMALL_INT_VALUE(args[0])
        : mp_obj_is_bool(args[0]) ? args[0] == mp_const_true : (uint32_t)mp_obj_get_int_truncated(args[0]);
    uint32_t bits = self->mask << self->shift;
    // Reading can have an effect of its own: a field of all bits is written without.
    uint32_t others = bits == 0xffffffff ? 0 : *self->address & ~bits;
    *self->address = others | (value & self->mask) << self->shift;
    return mp_const_none;
}

// field.read: a function that reads it and can do nothing else, for a driver to hand to others. field.set,
// field.clear, field.toggle: functions that do that to all its bits. Each access makes one, so a driver takes
// them once, when it is wired.
typedef struct {
    mp_obj_base_t base;
    const register_field_t *field;
    qstr what;
} field_operation_t;

static mp_obj_t field_operation_call(mp_obj_t self_in, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    (void)args;
    field_operation_t *self = MP_OBJ_TO_PTR(self_in);
    if ((n_args | n_kw) == 0 && self->what == MP_QSTR_read) {
        return field_value(self->field);
    }
    mp_arg_check_num(n_args, n_kw, 0, 0, false);
    uint32_t bits = self->field->mask << self->field->shift;
    if (self->what == MP_QSTR_toggle) {
        *self->field->address ^= bits;
    } else if (self->what == MP_QSTR_set) {
        *self->field->address |= bits;
    } else {
        *self->field->address &= ~bits;
    }
    return mp_const_none;
}

static MP_DEFINE_CONST_OBJ_TYPE(field_operation_type, MP_QSTR_FieldOperation, MP_TYPE_FLAG_NONE, call, field_operation_call);

static void register_field_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    bool writes = attr == MP_QSTR_set || attr == MP_QSTR_clear || attr == MP_QSTR_toggle;
    if (dest[0] == MP_OBJ_NULL && (writes || attr == MP_QSTR_read)) {
        if (writes) {
            check_field_writable(MP_OBJ_TO_PTR(self_in));
        }
        field_operation_t *operation = mp_obj_malloc(field_operation_t, &field_operation_type);
        operation->field = MP_OBJ_TO_PTR(self_in);
        operation->what = attr;
        dest[0] = MP_OBJ_FROM_PTR(operation);
    }
}

MP_DEFINE_CONST_OBJ_TYPE(
    register_field_type, MP_QSTR_Field, MP_TYPE_FLAG_NONE,
    attr, register_field_attr,
    call, register_field_call);
