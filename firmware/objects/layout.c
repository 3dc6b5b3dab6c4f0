// Layout(upcalls, read_write, read_only, readable, u32, answers, asks): the shape of a grant, how many of each.

#include "objects/layout.h"
#include "py/runtime.h"

typedef struct {
    mp_obj_base_t base;
    grant_shape_t shape;
} layout_t;

static mp_obj_t layout_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    enum { U32 = GRANT_KINDS, ANSWERS, ASKS };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_upcalls, MP_ARG_INT, { .u_int = 0 } },
        { MP_QSTR_read_write, MP_ARG_INT, { .u_int = 0 } },
        { MP_QSTR_read_only, MP_ARG_INT, { .u_int = 0 } },
        { MP_QSTR_readable, MP_ARG_INT, { .u_int = 0 } },
        { MP_QSTR_u32, MP_ARG_INT, { .u_int = 0 } },
        { MP_QSTR_answers, MP_ARG_INT, { .u_int = 0 } },
        { MP_QSTR_asks, MP_ARG_OBJ, { .u_obj = mp_const_empty_bytes } },
    };
    mp_arg_val_t values[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all_kw_array(n_args, n_kw, args, MP_ARRAY_SIZE(allowed), allowed, values);
    mp_uint_t words = 0;
    static const uint8_t size[] = { 2, 2, 2, 2, 1, sizeof(place_t) / 4 }, most[] = { 32, 32, 32, 32, 64, 7 };
    for (unsigned i = 0; i <= ANSWERS; i++) {
        if (values[i].u_int < 0 || values[i].u_int > most[i]) {
            mp_raise_ValueError(MP_ERROR_TEXT("a layout has 0 to 32 of each kind, and up to 64 fields"));
        }
        words += size[i] * values[i].u_int;
    }
    if (!mp_obj_is_type(values[ASKS].u_obj, &mp_type_bytes)) {
        mp_raise_TypeError(MP_ERROR_TEXT("asks: bytes are needed"));
    }
    size_t length;
    const uint8_t *asks = (const uint8_t *)mp_obj_str_get_data(values[ASKS].u_obj, &length);
    if (length % 2 != 0 || length / 2 > 15) {
        mp_raise_ValueError(MP_ERROR_TEXT("asks: up to 15 pairs of a command and an upcall"));
    }
    if (words > 255) {
        mp_raise_ValueError(MP_ERROR_TEXT("a layout has at most 255 words"));
    }
    layout_t *self = mp_obj_malloc(layout_t, type);
    unsigned at = 0;
    for (unsigned kind = 0; kind < GRANT_KINDS; kind++) {
        self->shape.count[kind] = values[kind].u_int;
        self->shape.at[kind] = at;
        at += 2 * values[kind].u_int;
    }
    self->shape.answers = values[ANSWERS].u_int;
    self->shape.fields_at = at + sizeof(place_t) / 4 * self->shape.answers;
    self->shape.words = words;
    self->shape.asks = asks;
    self->shape.asks_count = length / 2;
    return MP_OBJ_FROM_PTR(self);
}

MP_DEFINE_CONST_OBJ_TYPE(layout_type, MP_QSTR_Layout, MP_TYPE_FLAG_NONE, make_new, layout_make_new);

const grant_shape_t *layout_shape(mp_obj_t layout) {
    if (!mp_obj_is_type(layout, &layout_type)) {
        mp_raise_TypeError(MP_ERROR_TEXT("a Layout is needed"));
    }
    return &((const layout_t *)MP_OBJ_TO_PTR(layout))->shape;
}
