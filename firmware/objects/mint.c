// The module `mint`: where powers are made. Only boards/*/board.py imports it, once, at boot.

#include "core/interrupt.h"
#include "kernel/contain.h"
#include "kernel/driver.h"
#include "kernel/ipc.h"
#include "kernel/schedule.h"
#include "kernel/seal.h"
#include "objects/flash_range.h"
#include "objects/grant.h"
#include "objects/interrupt_line.h"
#include "objects/kernel_log.h"
#include "objects/layout.h"
#include "objects/process_control.h"
#include "objects/process_loader.h"
#include "objects/registers.h"
#include "py/runtime.h"

// -- Hardware -----------------------------------------------------------------

// registers(name): the window onto a peripheral of the manifest.
static mp_obj_t mint_registers(mp_obj_t name) {
    kernel_check_not_sealed();
    return registers_new(mp_obj_str_get_qstr(name));
}
static MP_DEFINE_CONST_FUN_OBJ_1(mint_registers_obj, mint_registers);

// interrupt(peripheral, name): one of its interrupt lines.
static mp_obj_t mint_interrupt(mp_obj_t peripheral, mp_obj_t name) {
    kernel_check_not_sealed();
    return interrupt_line_new(mmio_interrupt(mp_obj_str_get_qstr(peripheral), mp_obj_str_get_qstr(name)));
}
static MP_DEFINE_CONST_FUN_OBJ_2(mint_interrupt_obj, mint_interrupt);

// flash(name): the part of the flash that the manifest calls so: "storage" or "apps".
static mp_obj_t mint_flash(mp_obj_t name) {
    kernel_check_not_sealed();
    return flash_range_new(mp_obj_str_get_qstr(name));
}
static MP_DEFINE_CONST_FUN_OBJ_1(mint_flash_obj, mint_flash);

// loop_interrupt(): a line that is raised each 64 rounds of the kernel's loop, and by nothing else. Only one caller may take it.
static mp_obj_t mint_loop_interrupt(void) {
    kernel_check_not_sealed();
    schedule_rounds_line = interrupt_reserve(MP_OBJ_NULL);
    return interrupt_line_new(schedule_rounds_line);
}
static MP_DEFINE_CONST_FUN_OBJ_0(mint_loop_interrupt_obj, mint_loop_interrupt);

// software_interrupt(): a line that only software raises.
static mp_obj_t mint_software_interrupt(void) {
    kernel_check_not_sealed();
    return interrupt_line_new(interrupt_reserve(MP_OBJ_NULL));
}
static MP_DEFINE_CONST_FUN_OBJ_0(mint_software_interrupt_obj, mint_software_interrupt);

// -- Drivers ------------------------------------------------------------------

// grant(number, layout): the driver number, and a record of this shape in each process.
static mp_obj_t mint_grant(mp_obj_t number, mp_obj_t layout) {
    kernel_check_not_sealed();
    return grant_new(driver_add(mp_obj_get_int_truncated(number), layout_shape(layout)));
}
static MP_DEFINE_CONST_FUN_OBJ_2(mint_grant_obj, mint_grant);

#define POLICY_DEFAULT \
    (CONFIG_CAPSULE_POLICY_RESTART ? CONTAIN_RESTART : CONFIG_CAPSULE_POLICY_DISABLE ? CONTAIN_DISABLE : CONTAIN_CONTINUE)

static mp_obj_t checked_recipe(mp_obj_t recipe) {
    if (!mp_obj_is_callable(recipe)) {
        mp_raise_TypeError(MP_ERROR_TEXT("a function is needed"));
    }
    return recipe;
}

// build(name, recipe): what recipe() makes, a chip driver for instance. If it fails, that is reported, and
// the result is None. It is not made again later, since others hold it.
static mp_obj_t mint_build(mp_obj_t name, mp_obj_t recipe) {
    kernel_check_not_sealed();
    mp_obj_t made = contain_make(mp_obj_str_get_qstr(name), checked_recipe(recipe), CONTAIN_NO_DRIVER,
        CONFIG_CAPSULE_POLICY_DISABLE ? CONTAIN_DISABLE : CONTAIN_CONTINUE);
    return made == MP_OBJ_NULL ? mp_const_none : made;
}
static MP_DEFINE_CONST_FUN_OBJ_2(mint_build_obj, mint_build);

// serve(name, of, recipe, policy): recipe(grant) makes a capsule and returns its method `command`, which from now on
// answers the driver's commands. `of` is the capsule's module, with its DRIVER_NUM and its LAYOUT, or a grant. The recipe
// is kept, to make the capsule again if the policy says so. Returns the grant.
static mp_obj_t mint_serve(size_t n_args, const mp_obj_t *args) {
    kernel_check_not_sealed();
    mp_uint_t policy = n_args > 3 ? (mp_uint_t)mp_obj_get_int(args[3]) : POLICY_DEFAULT;
    if (policy > CONTAIN_DISABLE) {
        mp_raise_ValueError(MP_ERROR_TEXT("no such policy"));
    }
    checked_recipe(args[2]);
    mp_obj_t grant = mp_obj_is_type(args[1], &grant_type) ? args[1]
        : mint_grant(mp_load_attr(args[1], MP_QSTR_DRIVER_NUM), mp_load_attr(args[1], MP_QSTR_LAYOUT));
    contain_make(mp_obj_str_get_qstr(args[0]), mp_obj_new_bound_meth(args[2], grant), grant_driver(grant), policy);
    return grant;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mint_serve_obj, 3, 4, mint_serve);

// share_memory(grant): commands 2 and 3 of this driver notify another process and share a buffer.
static mp_obj_t mint_share_memory(mp_obj_t grant) {
    kernel_check_not_sealed();
    driver_t *driver = &drivers[grant_driver(grant)];
    if (driver->shape.count[GRANT_UPCALLS] < CONFIG_MAX_PROCESSES || driver->shape.count[GRANT_READ_WRITE] < CONFIG_MAX_PROCESSES) { // ipc.c finds them by slot
        mp_raise_ValueError(MP_ERROR_TEXT("the layout needs an upcall and a buffer for each process"));
    }
    driver->core_command = ipc_command;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(mint_share_memory_obj, mint_share_memory);

// -- What is there once ---------------------------------------------------------

#define MINT_ONCE(name) \
    static mp_obj_t mint_##name(void) { \
        kernel_check_not_sealed(); \
        return MP_OBJ_FROM_PTR(&name##_power); \
    } \
    static MP_DEFINE_CONST_FUN_OBJ_0(mint_##name##_obj, mint_##name)

MINT_ONCE(kernel_log);
MINT_ONCE(process_control);
MINT_ONCE(process_loader);

#define MINT_ENTRY(name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_PTR(&mint_##name##_obj) }

static const mp_rom_map_elem_t mint_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_mint) },
    { MP_ROM_QSTR(MP_QSTR_CONTINUE), MP_ROM_INT(CONTAIN_CONTINUE) },
    { MP_ROM_QSTR(MP_QSTR_DISABLE), MP_ROM_INT(CONTAIN_DISABLE) },
    { MP_ROM_QSTR(MP_QSTR_RESTART), MP_ROM_INT(CONTAIN_RESTART) },
    MINT_ENTRY(build),
    MINT_ENTRY(flash),
    MINT_ENTRY(grant),
    MINT_ENTRY(interrupt),
    MINT_ENTRY(kernel_log),
    MINT_ENTRY(process_control),
    MINT_ENTRY(process_loader),
    MINT_ENTRY(registers),
    MINT_ENTRY(serve),
    MINT_ENTRY(share_memory),
    MINT_ENTRY(loop_interrupt),
    MINT_ENTRY(software_interrupt),
};
static MP_DEFINE_CONST_DICT(mint_globals, mint_globals_table);

const mp_obj_module_t mint_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&mint_globals,
};
