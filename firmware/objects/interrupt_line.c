// InterruptLine: the power over one interrupt line.

#include "core/interrupt.h"
#include "kernel/bottom_half.h"
#include "objects/interrupt_line.h"
#include "objects/register_field.h"
#include "py/runtime.h"

typedef struct {
    mp_obj_base_t base;
    uint32_t line;
} interrupt_line_t;

static void check_handler(mp_obj_t handler) {
    if (!mp_obj_is_callable(handler)) {
        mp_raise_TypeError(MP_ERROR_TEXT("a function is needed"));
    }
}

// line.enable(handler): call handler() after each interrupt.
static mp_obj_t interrupt_line_enable(mp_obj_t self_in, mp_obj_t handler) {
    interrupt_line_t *self = MP_OBJ_TO_PTR(self_in);
    check_handler(handler);
    interrupt_enable(self->line, handler);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(interrupt_line_enable_obj, interrupt_line_enable);

// line.enable_acknowledged(handler, field, value): write the value to the field, now and before each call.
static mp_obj_t interrupt_line_enable_acknowledged(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    check_handler(args[1]);
    if (!mp_obj_is_type(args[2], &register_field_type)) {
        mp_raise_TypeError(MP_ERROR_TEXT("a Field is needed"));
    }
    mp_obj_t handler = mp_obj_new_tuple(3, args + 1);
    bottom_half_acknowledge(handler);
    interrupt_enable(((interrupt_line_t *)MP_OBJ_TO_PTR(args[0]))->line, handler);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(interrupt_line_enable_acknowledged_obj, 4, 4, interrupt_line_enable_acknowledged);

// line.disable(): no more calls, and a pending one is forgotten.
static mp_obj_t interrupt_line_disable(mp_obj_t self_in) {
    interrupt_line_t *self = MP_OBJ_TO_PTR(self_in);
    interrupt_disable(self->line);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(interrupt_line_disable_obj, interrupt_line_disable);

// line.trigger(): call the handler soon, from the kernel's loop and not from here.
static mp_obj_t interrupt_line_trigger(mp_obj_t self_in) {
    interrupt_line_t *self = MP_OBJ_TO_PTR(self_in);
    interrupt_trigger(self->line);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(interrupt_line_trigger_obj, interrupt_line_trigger);

static const mp_rom_map_elem_t interrupt_line_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_enable), MP_ROM_PTR(&interrupt_line_enable_obj) },
    { MP_ROM_QSTR(MP_QSTR_enable_acknowledged), MP_ROM_PTR(&interrupt_line_enable_acknowledged_obj) },
    { MP_ROM_QSTR(MP_QSTR_disable), MP_ROM_PTR(&interrupt_line_disable_obj) },
    { MP_ROM_QSTR(MP_QSTR_trigger), MP_ROM_PTR(&interrupt_line_trigger_obj) },
};
static MP_DEFINE_CONST_DICT(interrupt_line_locals, interrupt_line_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    interrupt_line_type, MP_QSTR_InterruptLine, MP_TYPE_FLAG_NONE,
    locals_dict, &interrupt_line_locals);

mp_obj_t interrupt_line_new(unsigned line) {
    interrupt_line_t *self = mp_obj_malloc(interrupt_line_t, &interrupt_line_type);
    self->line = line;
    return MP_OBJ_FROM_PTR(self);
}

unsigned interrupt_line_of_software(mp_obj_t line_in) {
    interrupt_line_t *line = MP_OBJ_TO_PTR(line_in);
    if (!mp_obj_is_type(line_in, &interrupt_line_type) || line->line < INTERRUPT_FIRST_SOFTWARE) {
        mp_raise_TypeError(MP_ERROR_TEXT("a software InterruptLine is needed"));
    }
    return line->line;
}
