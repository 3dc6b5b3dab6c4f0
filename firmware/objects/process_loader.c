// ProcessLoader: the power to begin processes and to remove them.

#include "kernel/loader.h"
#include "kernel/process.h"
#include "memory_map.h"
#include "objects/process_loader.h"
#include "py/runtime.h"

// loader.load(offset): the slot of the program whose header is there in the flash of apps, which runs from now on; or an
// ErrorCode, negative.
static mp_obj_t loader_load_at(mp_obj_t self, mp_obj_t offset) {
    (void)self;
    return MP_OBJ_NEW_SMALL_INT(loader_load(mp_obj_get_int_truncated(offset)));
}
static MP_DEFINE_CONST_FUN_OBJ_2(loader_load_at_obj, loader_load_at);

// loader.unload(slot): the process ends, and its slot, RAM and flash are free. Nothing if there is none.
static mp_obj_t loader_unload(mp_obj_t self, mp_obj_t slot_in) {
    (void)self;
    mp_uint_t slot = mp_obj_get_int(slot_in);
    if (slot < CONFIG_MAX_PROCESSES && processes[slot]->state != PROCESS_UNUSED) {
        process_unload(processes[slot]);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(loader_unload_obj, loader_unload);

// loader.find(offset): the slot of the process whose program is there; -1 if there is none.
static mp_obj_t loader_find(mp_obj_t self, mp_obj_t offset) {
    (void)self;
    uint32_t address = APP_FLASH_START + mp_obj_get_int_truncated(offset);
    for (unsigned i = 0; i < CONFIG_MAX_PROCESSES; i++) {
        if (processes[i]->state != PROCESS_UNUSED && processes[i]->tbf.start == address) {
            return MP_OBJ_NEW_SMALL_INT(i);
        }
    }
    return MP_OBJ_NEW_SMALL_INT(-1);
}
static MP_DEFINE_CONST_FUN_OBJ_2(loader_find_obj, loader_find);

// loader.take_over(): what is to be loaded at boot is loaded; nobody walks the list of apps.
static mp_obj_t loader_take_over(mp_obj_t self) {
    (void)self;
    loader_taken = true;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(loader_take_over_obj, loader_take_over);

static const mp_rom_map_elem_t loader_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_find), MP_ROM_PTR(&loader_find_obj) },
    { MP_ROM_QSTR(MP_QSTR_load), MP_ROM_PTR(&loader_load_at_obj) },
    { MP_ROM_QSTR(MP_QSTR_take_over), MP_ROM_PTR(&loader_take_over_obj) },
    { MP_ROM_QSTR(MP_QSTR_unload), MP_ROM_PTR(&loader_unload_obj) },
};
static MP_DEFINE_CONST_DICT(loader_locals, loader_locals_table);
static MP_DEFINE_CONST_OBJ_TYPE(loader_type, MP_QSTR_ProcessLoader, MP_TYPE_FLAG_NONE, locals_dict, &loader_locals);
const mp_obj_base_t process_loader_power = { &loader_type };
