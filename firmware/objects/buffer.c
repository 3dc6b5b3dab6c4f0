// Buffer: a fixed number of bytes with one owner.
//
// Lending it (`move`) voids the handle that its owner has and gives the borrower another; giving it back voids that
// one and revives the owner's. From the same lender a borrower gets the same handle each time, so a handle that
// somebody kept is good only while the buffer is lent to that same borrower. Some handles are made with the buffer:
// lending it to a few allocates nothing. Bytes are never freed, since hardware may write to them: buffers are made
// while the board is wired, not later.

#include <string.h>

#include "core/heap.h"
#include "core/running.h"
#include "kernel/seal.h"
#include "objects/buffer.h"
#include "py/gc.h"
#include "py/runtime.h"

#define MOST_HANDLES (8)  // of one buffer
#define FIRST_HANDLES (4) // made with it: lending, through as many hands as there are on any board, must not fail for want of memory
#define LARGEST_BUFFER (4096)

typedef struct _storage_t storage_t;

typedef struct _buffer_t {
    mp_obj_base_t base;
    storage_t *storage;
    struct _buffer_t *next;   // of this storage's handles
    struct _buffer_t *lender; // the handle that it was moved from; NULL for the first owner's
    mp_obj_t borrower;        // MP_OBJ_NULL: the owner's, or a spare one
    uint16_t start, end;      // the window; offsets into the bytes
} buffer_t;

struct _storage_t {
    storage_t *next; // of all
    buffer_t *first; // the owner's handle
    buffer_t *good;  // the handle that may be used
    buffer_t *handles;
    uint16_t size;
    bool locked; // hardware uses the bytes
    _Alignas(4) uint8_t bytes[]; // hardware may move words
};

static storage_t *storages;

void buffer_collect_roots(void) {
    gc_collect_root((void **)&storages, 1);
}

static buffer_t *handle_new(storage_t *storage, buffer_t *lender, mp_obj_t borrower) {
    buffer_t *handle = mp_obj_malloc(buffer_t, &buffer_type);
    *handle = (buffer_t) { { &buffer_type }, .storage = storage,
        .next = storage->handles, .lender = lender, .borrower = borrower, .end = storage->size };
    storage->handles = handle;
    return handle;
}

// Buffer(size): that many bytes, all zero.
static mp_obj_t buffer_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    (void)type;
    mp_arg_check_num(n_args, n_kw, 1, 1, false);
    mp_int_t size = mp_obj_get_int(args[0]);
    if (size < 1 || size > LARGEST_BUFFER) {
        mp_raise_ValueError(MP_ERROR_TEXT("a buffer has 1 to 4096 bytes"));
    }
    if (!contain_wiring) {
        kernel_check_not_sealed();
    }
    storage_t *storage = heap_alloc_buffer(sizeof(storage_t) + size);
    storage->size = size;
    for (unsigned i = 0; i < FIRST_HANDLES; i++) {
        storage->good = handle_new(storage, NULL, MP_OBJ_NULL);
    }
    storage->first = storage->good;
    storage->next = storages;
    storages = storage;
    return MP_OBJ_FROM_PTR(storage->good);
}

// For reading alone, hardware may be at it: the bytes are then those that it has got to.
static buffer_t *buffer_check_readable(mp_obj_t self_in) {
    if (!mp_obj_is_type(self_in, &buffer_type)) {
        mp_raise_TypeError(MP_ERROR_TEXT("a Buffer is needed"));
    }
    buffer_t *self = MP_OBJ_TO_PTR(self_in);
    if (self != self->storage->good) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("the buffer was passed on"));
    }
    return self;
}

static buffer_t *buffer_check(mp_obj_t self_in) {
    buffer_t *self = buffer_check_readable(self_in);
    if (self->storage->locked) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("hardware is using the buffer"));
    }
    return self;
}

uint8_t *buffer_lock(mp_obj_t buffer, uint32_t length) {
    buffer_t *self = buffer_check(buffer);
    if (length < 1 || length > (uint32_t)(self->end - self->start)) {
        mp_raise_type(&mp_type_IndexError);
    }
    self->storage->locked = true;
    return self->storage->bytes + self->start;
}

void buffer_unlock(mp_obj_t buffer) {
    ((buffer_t *)MP_OBJ_TO_PTR(buffer))->storage->locked = false;
}

static uint8_t *range_of(buffer_t *self, mp_obj_t start_in, uint32_t *length) {
    mp_uint_t start = mp_obj_get_int(start_in);
    mp_uint_t size = self->end - self->start;
    if (start > size) {
        mp_raise_type(&mp_type_IndexError);
    }
    if (*length > size - start) {
        *length = size - start;
    }
    return self->storage->bytes + self->start + start;
}

uint8_t *buffer_range(mp_obj_t buffer, mp_obj_t start, uint32_t *length) {
    return range_of(buffer_check(buffer), start, length);
}

// buffer.move(borrower): the handle for that borrower, any object; this one raises until it comes back.
static mp_obj_t buffer_move(mp_obj_t self_in, mp_obj_t borrower) {
    buffer_t *self = buffer_check(self_in);
    unsigned count = 0;
    buffer_t *lent = NULL, *spare = NULL;
    for (buffer_t *one = self->storage->handles; one != NULL; one = one->next, count++) {
        if (one->lender == self && one->borrower == borrower) {
            lent = one;
        } else if (one->borrower == MP_OBJ_NULL && one != self->storage->first) {
            spare = one;
        }
    }
    if (lent == NULL) {
        if (spare == NULL && count == MOST_HANDLES) {
            mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("the buffer was passed to too many"));
        }
        lent = spare != NULL ? spare : handle_new(self->storage, self, borrower);
        lent->lender = self;
        lent->borrower = borrower;
    }
    lent->start = self->start;
    lent->end = self->end;
    self->storage->good = lent;
    return MP_OBJ_FROM_PTR(lent);
}
static MP_DEFINE_CONST_FUN_OBJ_2(buffer_move_obj, buffer_move);

// buffer.give_back(): the handle that this one was moved from; this one raises from now on.
static mp_obj_t buffer_give_back(mp_obj_t self_in) {
    buffer_t *self = buffer_check(self_in);
    if (self->lender == NULL) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("the buffer has no other owner"));
    }
    self->storage->good = self->lender;
    return MP_OBJ_FROM_PTR(self->lender);
}
static MP_DEFINE_CONST_FUN_OBJ_1(buffer_give_back_obj, buffer_give_back);

// buffer.window(start, end): from now on this handle is the bytes [start, end) of the whole.
static mp_obj_t buffer_window(mp_obj_t self_in, mp_obj_t start_in, mp_obj_t end_in) {
    buffer_t *self = buffer_check(self_in);
    mp_int_t start = mp_obj_get_int(start_in);
    mp_int_t end = mp_obj_get_int(end_in);
    mp_int_t first = self->lender == NULL ? 0 : self->lender->start;
    mp_int_t last = self->lender == NULL ? self->storage->size : self->lender->end;
    if (start < 0 || end < start || end > last - first) {
        mp_raise_type(&mp_type_IndexError);
    }
    self->start = first + start;
    self->end = first + end;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(buffer_window_obj, buffer_window);

// buffer.copy(to, source, start, length): bytes of another buffer or of a bytes object to offset
// `to`; returns how many. Hardware may be writing to the source: a driver that knows how far it is reads what has come.
static mp_obj_t buffer_copy(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    uint32_t length = mp_obj_get_int_truncated(args[4]);
    const uint8_t *source;
    if (mp_obj_is_type(args[2], &mp_type_bytes)) {
        size_t size;
        source = (const uint8_t *)mp_obj_str_get_data(args[2], &size);
        mp_uint_t start = mp_obj_get_int(args[3]);
        if (start > size) {
            mp_raise_type(&mp_type_IndexError);
        }
        source += start;
        length = MIN(length, size - start);
    } else {
        source = range_of(buffer_check_readable(args[2]), args[3], &length);
    }
    uint8_t *destination = buffer_range(args[0], args[1], &length);
    memmove(destination, source, length);
    return MP_OBJ_NEW_SMALL_INT(length);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(buffer_copy_obj, 5, 5, buffer_copy);

static mp_obj_t buffer_unary_op(mp_unary_op_t op, mp_obj_t self_in) {
    buffer_t *self = buffer_check(self_in);
    return op == MP_UNARY_OP_LEN ? MP_OBJ_NEW_SMALL_INT(self->end - self->start) : MP_OBJ_NULL;
}

static mp_obj_t buffer_subscr(mp_obj_t self_in, mp_obj_t index, mp_obj_t value) {
    if (value == MP_OBJ_NULL || !mp_obj_is_small_int(index)) {
        return MP_OBJ_NULL;
    }
    uint32_t length = 1;
    uint8_t *byte = buffer_range(self_in, index, &length);
    if (length == 0) {
        mp_raise_type(&mp_type_IndexError);
    }
    if (value == MP_OBJ_SENTINEL) {
        return MP_OBJ_NEW_SMALL_INT(*byte);
    }
    *byte = mp_obj_get_int_truncated(value);
    return mp_const_none;
}

static const mp_rom_map_elem_t buffer_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_move), MP_ROM_PTR(&buffer_move_obj) },
    { MP_ROM_QSTR(MP_QSTR_give_back), MP_ROM_PTR(&buffer_give_back_obj) },
    { MP_ROM_QSTR(MP_QSTR_window), MP_ROM_PTR(&buffer_window_obj) },
    { MP_ROM_QSTR(MP_QSTR_copy), MP_ROM_PTR(&buffer_copy_obj) },
};
static MP_DEFINE_CONST_DICT(buffer_locals, buffer_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    buffer_type, MP_QSTR_Buffer, MP_TYPE_FLAG_NONE,
    make_new, buffer_make_new,
    unary_op, buffer_unary_op,
    subscr, buffer_subscr,
    locals_dict, &buffer_locals);
