// KernelLog: the power to read the kernel's messages.

#include "kernel/log.h"
#include "objects/buffer.h"
#include "objects/interrupt_line.h"
#include "objects/kernel_log.h"
#include "py/runtime.h"

static mp_obj_t log_take(mp_obj_t self, mp_obj_t buffer) {
    (void)self;
    uint32_t length = UINT32_MAX;
    uint8_t *bytes = buffer_range(buffer, MP_OBJ_NEW_SMALL_INT(0), &length);
    return MP_OBJ_NEW_SMALL_INT(kernel_log_take(bytes, length));
}
static MP_DEFINE_CONST_FUN_OBJ_2(log_take_obj, log_take);

static mp_obj_t log_notify(mp_obj_t self, mp_obj_t line) {
    (void)self;
    kernel_log_notify(interrupt_line_of_software(line));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(log_notify_obj, log_notify);

static const mp_rom_map_elem_t log_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_take), MP_ROM_PTR(&log_take_obj) },     // take(buffer) -> bytes put there
    { MP_ROM_QSTR(MP_QSTR_notify), MP_ROM_PTR(&log_notify_obj) }, // notify(line): raise it on new text
};
static MP_DEFINE_CONST_DICT(log_locals, log_locals_table);
static MP_DEFINE_CONST_OBJ_TYPE(log_type, MP_QSTR_KernelLog, MP_TYPE_FLAG_NONE, locals_dict, &log_locals);
const mp_obj_base_t kernel_log_power = { &log_type };
