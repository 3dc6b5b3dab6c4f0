// Grant: the power to keep a record in every process.

#include "core/heap.h"
#include "kernel/driver.h"
#include "kernel/process_id.h"
#include "objects/entry.h"
#include "objects/grant.h"
#include "py/runtime.h"

typedef struct {
    mp_obj_base_t base;
    uint32_t driver;
} grant_t;

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
    const grant_shape_t *shape = &drivers[self->driver].shape;
    uint32_t *block = grant_make(process, self->driver, shape);
    if (block == NULL) {
        return mp_const_none;
    }
    unsigned views = grant_views(shape);
    entry_t *entry = heap_alloc_for_process(sizeof(entry_t) + views * sizeof(mp_obj_t), &entry_type, shape->capsule);
    entry->process = process;
    entry->id = process->id;
    entry->block = block;
    entry->shape = shape;
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
    if (slot >= CONFIG_MAX_PROCESSES || !process_alive(processes[slot])) {
        return mp_const_none;
    }
    mp_obj_t entry = processes[slot]->entries[self->driver];
    return entry == MP_OBJ_NULL ? mp_const_none : entry;
}
static MP_DEFINE_CONST_FUN_OBJ_2(grant_entry_obj, grant_entry);

// grant.upcall(slot, number, a0, a1, a2, shift): what entry(slot) would do by its schedule_upcall(). False if there is
// no record, too.
static mp_obj_t grant_upcall(size_t n_args, const mp_obj_t *args) {
    mp_obj_t upcall[6] = { grant_entry(args[0], args[1]), args[2], args[3], args[4], args[5], args[6] };
    return upcall[0] == mp_const_none ? mp_const_false : entry_schedule_upcall(n_args - 1, upcall);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(grant_upcall_obj, 7, 7, grant_upcall);

static const mp_rom_map_elem_t grant_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_SLOTS), MP_ROM_INT(CONFIG_MAX_PROCESSES) },
    { MP_ROM_QSTR(MP_QSTR_enter), MP_ROM_PTR(&grant_enter_obj) },
    { MP_ROM_QSTR(MP_QSTR_entry), MP_ROM_PTR(&grant_entry_obj) },
    { MP_ROM_QSTR(MP_QSTR_upcall), MP_ROM_PTR(&grant_upcall_obj) },
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

mp_obj_t grant_new(unsigned driver) {
    grant_t *self = mp_obj_malloc(grant_t, &grant_type);
    self->driver = driver;
    return MP_OBJ_FROM_PTR(self);
}
