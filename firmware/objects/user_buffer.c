// User buffers. A view holds no address: each access looks up what the process allows at that
// moment. A buffer that was swapped away, or whose process has ended, has length 0.
//
// An allowed range was checked when it was allowed (core/alleged.h); it stays inside the process's
// memory, since the break cannot sink below it while the process lives.

#include <string.h>

#include "core/alleged.h"
#include "core/heap.h"
#include "objects/buffer.h"
#include "objects/user_buffer.h"
#include "py/runtime.h"

typedef struct {
    mp_obj_base_t base;
    entry_t *entry;
    uint16_t word;
    bool writable;
} user_buffer_t;

mp_obj_t user_buffer_new(entry_t *entry, unsigned word, bool writable) {
    if (entry_valid(entry) && !grant_has_blocks(entry->process, 1)) {
        m_malloc_fail(sizeof(user_buffer_t));
    }
    user_buffer_t *self = entry_valid(entry)
        ? heap_alloc_for_process(sizeof(user_buffer_t), &user_buffer_type, entry->shape->capsule)
        : mp_obj_malloc(user_buffer_t, &user_buffer_type);
    self->entry = entry;
    self->word = word;
    self->writable = writable;
    return MP_OBJ_FROM_PTR(self);
}

allowed_t user_buffer_range(mp_obj_t view) {
    user_buffer_t *self = MP_OBJ_TO_PTR(view);
    if (!entry_valid(self->entry)) {
        return (allowed_t) { 0, 0 };
    }
    return *(allowed_t *)&self->entry->block[self->word];
}

process_t *user_buffer_process(mp_obj_t view) {
    return ((user_buffer_t *)MP_OBJ_TO_PTR(view))->entry->process;
}

// The bytes [offset, offset + length) of the view, cut to what is allowed now.
// Safety: the range is looked up at each access, in an entry that is valid now; offset and length are cut to it.
static uint8_t *clip(mp_obj_t view, mp_obj_t offset_in, uint32_t *length) {
    allowed_t range = user_buffer_range(view);
    uint32_t offset = mp_obj_get_int_truncated(offset_in);
    offset = MIN(offset, range.length);
    *length = MIN(*length, range.length - offset);
    return allowed_bytes(range) + offset;
}

// view.read(offset, buffer, start, length): copy into the buffer; returns the bytes copied.
static mp_obj_t user_buffer_read(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    uint32_t length = mp_obj_get_int_truncated(args[4]);
    uint8_t *destination = buffer_range(args[2], args[3], &length);
    uint8_t *source = clip(args[0], args[1], &length);
    memcpy(destination, source, length);
    return MP_OBJ_NEW_SMALL_INT(length);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(user_buffer_read_obj, 5, 5, user_buffer_read);

static void check_writable(mp_obj_t self_in) {
    user_buffer_t *self = MP_OBJ_TO_PTR(self_in);
    if (!self->writable) {
        mp_raise_TypeError(MP_ERROR_TEXT("the process allowed only reading"));
    }
}

allowed_t user_buffer_readable(mp_obj_t object) {
    if (!mp_obj_is_type(object, &user_buffer_type)) {
        mp_raise_TypeError(MP_ERROR_TEXT("a UserBuffer is needed"));
    }
    return user_buffer_range(object);
}

allowed_t user_buffer_writable(mp_obj_t object) {
    allowed_t range = user_buffer_readable(object);
    check_writable(object);
    return range;
}

// view.write(offset, buffer, start, length): copy from the buffer; returns the bytes copied.
static mp_obj_t user_buffer_write(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    check_writable(args[0]);
    uint32_t length = mp_obj_get_int_truncated(args[4]);
    const uint8_t *source = buffer_range(args[2], args[3], &length);
    uint8_t *destination = clip(args[0], args[1], &length);
    memcpy(destination, source, length);
    return MP_OBJ_NEW_SMALL_INT(length);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(user_buffer_write_obj, 5, 5, user_buffer_write);

// view.write_u32(index, value): a little-endian word at byte 4 * index. False if it does not fit.
static mp_obj_t user_buffer_write_u32(mp_obj_t self_in, mp_obj_t index, mp_obj_t value_in) {
    check_writable(self_in);
    uint32_t length = 4;
    if ((mp_uint_t)mp_obj_get_int(index) > UINT32_MAX / 8) {
        return mp_const_false;
    }
    uint32_t value = mp_obj_get_int_truncated(value_in);
    uint8_t *destination = clip(self_in, MP_OBJ_NEW_SMALL_INT(4 * mp_obj_get_int(index)), &length);
    if (length < 4) {
        return mp_const_false;
    }
    memcpy(destination, &value, 4);
    return mp_const_true;
}
static MP_DEFINE_CONST_FUN_OBJ_3(user_buffer_write_u32_obj, user_buffer_write_u32);

static mp_obj_t user_buffer_unary_op(mp_unary_op_t op, mp_obj_t self_in) {
    allowed_t range = user_buffer_range(self_in);
    switch (op) {
        case MP_UNARY_OP_LEN:
            return mp_obj_new_int_from_uint(range.length);
        case MP_UNARY_OP_BOOL:
            return mp_obj_new_bool(range.length != 0);
        default:
            return MP_OBJ_NULL;
    }
}

// view[i]: one byte. IndexError beyond what is allowed now.
static mp_obj_t user_buffer_subscr(mp_obj_t self_in, mp_obj_t index, mp_obj_t value) {
    if (value == MP_OBJ_NULL || !mp_obj_is_int(index)) {
        return MP_OBJ_NULL;
    }
    uint32_t length = 1;
    uint8_t *byte = clip(self_in, index, &length);
    if (length == 0) {
        mp_raise_type(&mp_type_IndexError);
    }
    if (value == MP_OBJ_SENTINEL) {
        return MP_OBJ_NEW_SMALL_INT(*byte);
    }
    check_writable(self_in);
    *byte = mp_obj_get_int_truncated(value);
    return mp_const_none;
}

static const mp_rom_map_elem_t user_buffer_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_read), MP_ROM_PTR(&user_buffer_read_obj) },
    { MP_ROM_QSTR(MP_QSTR_write), MP_ROM_PTR(&user_buffer_write_obj) },
    { MP_ROM_QSTR(MP_QSTR_write_u32), MP_ROM_PTR(&user_buffer_write_u32_obj) },
};
static MP_DEFINE_CONST_DICT(user_buffer_locals, user_buffer_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    user_buffer_type, MP_QSTR_UserBuffer, MP_TYPE_FLAG_NONE,
    unary_op, user_buffer_unary_op,
    subscr, user_buffer_subscr,
    locals_dict, &user_buffer_locals);
