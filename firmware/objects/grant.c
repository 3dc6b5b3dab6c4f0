// Grants. A capsule keeps what it must remember of a process in that process's memory, so no
// process can exhaust the kernel's heap, and what is remembered goes when the process goes.

#include <string.h>

#include "objects/grant.h"
#include "core/context_switch.h"
#include "core/heap.h"
#include "objects/user_buffer.h"
#include "kernel/log.h"
#include "py/runtime.h"

// -- Layout(upcalls, read_write, read_only, readable, u32): the shape of a grant, how many of each

typedef struct {
    mp_obj_base_t base;
    uint8_t upcalls, read_write, read_only, readable, u32, answers;
    mp_obj_t asks;
} layout_t;

static mp_obj_t layout_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    enum { UPCALLS, READ_WRITE, READ_ONLY, READABLE, U32, ANSWERS, ASKS };
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
    static const uint8_t size[] = { 2, 2, 2, 2, 1, sizeof(place_t) / 4 };
    for (unsigned i = 0; i <= ANSWERS; i++) {
        if (values[i].u_int < 0 || values[i].u_int > (i == ANSWERS ? 7 : 32)) {
            mp_raise_ValueError(MP_ERROR_TEXT("a layout has 0 to 32 of each kind"));
        }
        words += size[i] * values[i].u_int;
    }
    if (!mp_obj_is_type(values[ASKS].u_obj, &mp_type_bytes)) {
        mp_raise_TypeError(MP_ERROR_TEXT("asks: bytes are needed"));
    }
    if (words > 255) {
        mp_raise_ValueError(MP_ERROR_TEXT("a layout has at most 255 words"));
    }
    layout_t *self = mp_obj_malloc(layout_t, type);
    self->upcalls = values[UPCALLS].u_int;
    self->read_write = values[READ_WRITE].u_int;
    self->read_only = values[READ_ONLY].u_int;
    self->readable = values[READABLE].u_int;
    self->u32 = values[U32].u_int;
    self->answers = values[ANSWERS].u_int;
    self->asks = values[ASKS].u_obj;
    return MP_OBJ_FROM_PTR(self);
}

MP_DEFINE_CONST_OBJ_TYPE(layout_type, MP_QSTR_Layout, MP_TYPE_FLAG_NONE, make_new, layout_make_new);

void allocator_apply_layout(driver_t *driver, mp_obj_t layout_in) {
    if (!mp_obj_is_type(layout_in, &layout_type)) {
        mp_raise_TypeError(MP_ERROR_TEXT("a Layout is needed"));
    }
    const layout_t *layout = MP_OBJ_TO_PTR(layout_in);
    driver->upcalls = layout->upcalls;
    driver->read_write = layout->read_write;
    driver->read_only = layout->read_only;
    driver->readable = layout->readable;
    driver->read_write_at = 2 * layout->upcalls;
    driver->read_only_at = driver->read_write_at + 2 * layout->read_write;
    driver->readable_at = driver->read_only_at + 2 * layout->read_only;
    driver->answers = layout->answers;
    driver->fields_at = driver->readable_at + 2 * layout->readable + sizeof(place_t) / 4 * layout->answers;
    driver->words = driver->fields_at + layout->u32;
}

int allocator_answer(const driver_t *driver, uint32_t command) {
    const layout_t *layout = MP_OBJ_TO_PTR(driver->layout);
    size_t length;
    const uint8_t *pairs = (const uint8_t *)mp_obj_str_get_data(layout->asks, &length);
    for (; length >= 2; length -= 2, pairs += 2) {
        if (pairs[0] == command) {
            return pairs[1];
        }
    }
    return -1;
}

bool allocator_asks(const driver_t *driver) {
    return ((layout_t *)MP_OBJ_TO_PTR(driver->layout))->asks != mp_const_empty_bytes;
}

// -- ProcessId: which process, and in which of its lives; under which number its program stores ----

static void process_id_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    process_id_t *self = MP_OBJ_TO_PTR(self_in);
    if (dest[0] != MP_OBJ_NULL) {
        return;
    }
    if (attr == MP_QSTR_slot) {
        dest[0] = MP_OBJ_NEW_SMALL_INT(self->process->slot);
    } else if (attr == MP_QSTR_number) {
        dest[0] = MP_OBJ_NEW_SMALL_INT(self->id);
    } else if (attr == MP_QSTR_write_id) {
        dest[0] = mp_obj_new_int_from_uint(self->process->tbf.has_storage ? self->process->tbf.storage_write_id : 0);
    }
}

MP_DEFINE_CONST_OBJ_TYPE(process_id_type, MP_QSTR_ProcessId, MP_TYPE_FLAG_NONE, attr, process_id_attr);

process_t *process_from_id(mp_obj_t id_in) {
    if (!mp_obj_is_type(id_in, &process_id_type)) {
        mp_raise_TypeError(MP_ERROR_TEXT("a ProcessId is needed"));
    }
    process_id_t *id = MP_OBJ_TO_PTR(id_in);
    return id->process->id == id->id ? id->process : NULL;
}

// -- Entry: the record of one process -----------------------------------------

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
    if (number >= (mp_uint_t)(self->driver->words - self->driver->fields_at)) {
        mp_raise_type(&mp_type_IndexError);
    }
    uint32_t *field = &self->block[self->driver->fields_at + number];
    if (value == MP_OBJ_SENTINEL) {
        return mp_obj_new_int_from_uint(*field);
    }
    *field = mp_obj_get_int_truncated(value);
    return mp_const_none;
}

// entry.schedule_upcall(number, a0, a1, a2, shift=0): queue an upcall with the arguments shifted
// left by `shift`. False if the process's queue was full.
static mp_obj_t entry_schedule_upcall(size_t n_args, const mp_obj_t *args) {
    entry_t *self = entry_check(args[0]);
    unsigned number = mp_obj_get_int(args[1]);
    unsigned shift = n_args > 5 ? mp_obj_get_int(args[5]) & 31 : 0;
    if (number >= self->driver->upcalls) {
        mp_raise_ValueError(MP_ERROR_TEXT("the layout has no such upcall"));
    }
    uint32_t values[3];
    for (unsigned i = 0; i < 3; i++) {
        values[i] = (uint32_t)mp_obj_get_int_truncated(args[2 + i]) << shift;
    }
    return mp_obj_new_bool(process_schedule_upcall(self->process, self->driver - drivers, number, values));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(entry_schedule_upcall_obj, 5, 6, entry_schedule_upcall);

static mp_obj_t entry_view(mp_obj_t self_in, mp_obj_t number_in, unsigned count, unsigned first, unsigned word, bool writable) {
    entry_t *self = MP_OBJ_TO_PTR(self_in);
    mp_uint_t number = mp_obj_get_int(number_in);
    if (number >= count) {
        mp_raise_ValueError(MP_ERROR_TEXT("the layout has no such buffer"));
    }
    mp_obj_t *view = &self->views[first + number];
    if (*view == MP_OBJ_NULL) {
        *view = user_buffer_new(self, word + 2 * number, writable);
    }
    return *view;
}

// entry.read_write(n), entry.read_only(n), entry.readable(n): the buffer that the process allowed.
static mp_obj_t entry_read_write(mp_obj_t self_in, mp_obj_t number) {
    const driver_t *driver = ((entry_t *)MP_OBJ_TO_PTR(self_in))->driver;
    return entry_view(self_in, number, driver->read_write, 0, driver->read_write_at, true);
}
static MP_DEFINE_CONST_FUN_OBJ_2(entry_read_write_obj, entry_read_write);

static mp_obj_t entry_read_only(mp_obj_t self_in, mp_obj_t number) {
    const driver_t *driver = ((entry_t *)MP_OBJ_TO_PTR(self_in))->driver;
    return entry_view(self_in, number, driver->read_only, driver->read_write, driver->read_only_at, false);
}
static MP_DEFINE_CONST_FUN_OBJ_2(entry_read_only_obj, entry_read_only);

static mp_obj_t entry_readable(mp_obj_t self_in, mp_obj_t number) {
    const driver_t *driver = ((entry_t *)MP_OBJ_TO_PTR(self_in))->driver;
    return entry_view(self_in, number, driver->readable, driver->read_write + driver->read_only, driver->readable_at, true);
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

// -- Grant: the power to keep a record in every process -----------------------

typedef struct {
    mp_obj_base_t base;
    uint32_t driver;
} grant_t;

static unsigned view_count(const driver_t *driver) {
    return driver->read_write + driver->read_only + driver->readable;
}

// grant.enter(process): the record in that process, made on first use, all fields zero.
// None if the process has ended, or has no memory left for it.
static mp_obj_t grant_enter(mp_obj_t self_in, mp_obj_t id) {
    grant_t *self = MP_OBJ_TO_PTR(self_in);
    process_t *process = process_from_id(id);
    if (process == NULL || !process_alive(process)) {
        return mp_const_none;
    }
    mp_obj_t entry_in = process->entries[self->driver];
    if (entry_in != MP_OBJ_NULL) {
        return entry_in;
    }
    uint32_t *block = process_grant(process, self->driver);
    if (block == NULL) {
        return mp_const_none;
    }
    driver_t *driver = &drivers[self->driver];
    unsigned views = view_count(driver);
    entry_t *entry = heap_alloc_for_process(sizeof(entry_t) + views * sizeof(mp_obj_t), &entry_type, driver->capsule);
    entry->process = process;
    entry->id = process->id;
    entry->block = block;
    entry->driver = driver;
    for (unsigned i = 0; i < views; i++) {
        entry->views[i] = MP_OBJ_NULL;
    }
    process->entries[self->driver] = MP_OBJ_FROM_PTR(entry);
    return MP_OBJ_FROM_PTR(entry);
}
static MP_DEFINE_CONST_FUN_OBJ_2(grant_enter_obj, grant_enter);

// grant.entry(slot): the record in the process of that slot, or None if there is none yet.
static mp_obj_t grant_entry(mp_obj_t self_in, mp_obj_t slot_in) {
    grant_t *self = MP_OBJ_TO_PTR(self_in);
    mp_uint_t slot = mp_obj_get_int(slot_in);
    if (slot >= CONFIG_MAX_PROCESSES || !process_alive(&processes[slot])) {
        return mp_const_none;
    }
    mp_obj_t entry = processes[slot].entries[self->driver];
    return entry == MP_OBJ_NULL ? mp_const_none : entry;
}
static MP_DEFINE_CONST_FUN_OBJ_2(grant_entry_obj, grant_entry);

static const mp_rom_map_elem_t grant_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_SLOTS), MP_ROM_INT(CONFIG_MAX_PROCESSES) },
    { MP_ROM_QSTR(MP_QSTR_enter), MP_ROM_PTR(&grant_enter_obj) },
    { MP_ROM_QSTR(MP_QSTR_entry), MP_ROM_PTR(&grant_entry_obj) },
};
static MP_DEFINE_CONST_DICT(grant_locals, grant_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    grant_type, MP_QSTR_Grant, MP_TYPE_FLAG_NONE,
    locals_dict, &grant_locals);

unsigned grant_driver(mp_obj_t grant) {
    if (!mp_obj_is_type(grant, &grant_type)) {
        mp_raise_TypeError(MP_ERROR_TEXT("a Grant is needed"));
    }
    return ((grant_t *)MP_OBJ_TO_PTR(grant))->driver;
}

void allocator_clear_fields(unsigned index) {
    const driver_t *driver = &drivers[index];
    for (unsigned i = 0; i < CONFIG_MAX_PROCESSES; i++) {
        if (process_alive(&processes[i]) && processes[i].grants[index] != NULL) {
            memset(processes[i].grants[index] + driver->fields_at, 0, 4 * (driver->words - driver->fields_at));
        }
    }
}

// Safety: a process's system call comes here too, with its own r9; the heap's numbers are the kernel's.
void allocator_forget(process_t *process) {
    mp_state_ctx_t *before = python_enter_kernel();
    for (unsigned i = 0; i < driver_count; i++) {
        if (process->entries[i] == MP_OBJ_NULL) {
            continue;
        }
        const entry_t *entry = MP_OBJ_TO_PTR(process->entries[i]);
        for (unsigned j = 0; j < view_count(entry->driver); j++) {
            if (entry->views[j] != MP_OBJ_NULL) {
                heap_process_ended(MP_OBJ_TO_PTR(entry->views[j]), entry->driver->capsule);
            }
        }
        heap_process_ended(entry, entry->driver->capsule);
        process->entries[i] = MP_OBJ_NULL;
    }
    python_leave_kernel(before);
}

mp_obj_t grant_new(unsigned driver) {
    grant_t *self = mp_obj_malloc(grant_t, &grant_type);
    self->driver = driver;
    return MP_OBJ_FROM_PTR(self);
}
