// The module `kernel`, which every capsule may import.

#include <string.h>

#include "kernel/abi.h"
#include "kernel/command_return.h"
#include "kernel/contain.h"
#include "kernel/log.h"
#include "lib/crypto-algorithms/sha256.h"
#include "objects/buffer.h"
#include "objects/layout.h"
#include "py/runtime.h"

#define ERROR_ENTRY(name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_INT(ERROR_##name) }

static const mp_rom_map_elem_t error_code_locals_table[] = {
    ERROR_ENTRY(FAIL),
    ERROR_ENTRY(BUSY),
    ERROR_ENTRY(ALREADY),
    ERROR_ENTRY(OFF),
    ERROR_ENTRY(RESERVE),
    ERROR_ENTRY(INVAL),
    ERROR_ENTRY(SIZE),
    ERROR_ENTRY(CANCEL),
    ERROR_ENTRY(NOMEM),
    ERROR_ENTRY(NOSUPPORT),
    ERROR_ENTRY(NODEVICE),
    ERROR_ENTRY(UNINSTALLED),
    ERROR_ENTRY(NOACK),
};
static MP_DEFINE_CONST_DICT(error_code_locals, error_code_locals_table);
static MP_DEFINE_CONST_OBJ_TYPE(
    error_code_type, MP_QSTR_ErrorCode, MP_TYPE_FLAG_NONE,
    locals_dict, &error_code_locals);

static void print_strn(void *data, const char *text, size_t length) {
    (void)data;
    kernel_log_as(contain_speaker(), text, length);
}
static const mp_print_t capsules_print = { NULL, print_strn };

static mp_obj_t kernel_log(mp_obj_t text) {
    mp_printf(&capsules_print, "%.256s\n", mp_obj_str_get_str(text)); // as much as one call may take the kernel
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(kernel_log_obj, kernel_log);

// log_u32(text, high, low): the text, then high << 16 | low in hexadecimal; no line end.
static mp_obj_t kernel_log_u32(mp_obj_t text, mp_obj_t high, mp_obj_t low) {
    mp_printf(&capsules_print, "%.256s%x", mp_obj_str_get_str(text), (unsigned)(word(high) << 16 | (word(low) & 0xffff)));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(kernel_log_u32_obj, kernel_log_u32);

// log_number(text, value, places): the text, then the value in so many places, as 0x and eight digits (0), or two (below 0).
static mp_obj_t kernel_log_number(mp_obj_t text, mp_obj_t value_in, mp_obj_t places_in) {
    int32_t value = word(value_in), places = mp_obj_get_int(places_in);
    mp_printf(&capsules_print, "%.256s", mp_obj_str_get_str(text));
    if (places <= 0) {
        mp_printf(&capsules_print, places == 0 ? "0x%08X" : "0x%02X", (unsigned)value);
        return mp_const_none;
    }
    uint32_t size = value < 0 ? -10 * (uint32_t)value : (uint32_t)value;
    for (uint32_t limit = 10; --places > 0 && limit < 1000000000; limit *= 10) {
        mp_printf(&capsules_print, size < limit ? " " : "");
    }
    mp_printf(&capsules_print, "%d", (int)value);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(kernel_log_number_obj, kernel_log_number);

// sha256(buffer, state, block): works the block of 64 bytes at `block` into the state of SHA-256 at `state`, eight words
// (MicroPython's hashlib has the rest). Safety: both lie in the buffer; a context that holds nothing and gets 64 bytes holds nothing.
static mp_obj_t kernel_sha256(mp_obj_t buffer, mp_obj_t state_in, mp_obj_t block_in) {
    CRYAL_SHA256_CTX context = { .datalen = 0 };
    uint32_t length = sizeof(context.state), size = sizeof(context.data);
    uint8_t *state = buffer_range(buffer, state_in, &length), *block = buffer_range(buffer, block_in, &size);
    if (length + size < sizeof(context.state) + sizeof(context.data)) {
        mp_raise_type(&mp_type_IndexError);
    }
    memcpy(context.state, state, sizeof(context.state));
    sha256_update(&context, block, sizeof(context.data));
    memcpy(state, context.state, sizeof(context.state));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(kernel_sha256_obj, kernel_sha256);

static const mp_rom_map_elem_t kernel_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_kernel) },
    { MP_ROM_QSTR(MP_QSTR_ErrorCode), MP_ROM_PTR(&error_code_type) },
    { MP_ROM_QSTR(MP_QSTR_Layout), MP_ROM_PTR(&layout_type) },
    { MP_ROM_QSTR(MP_QSTR_callback), MP_ROM_PTR(&contain_callback_obj) },
    { MP_ROM_QSTR(MP_QSTR_call_client), MP_ROM_PTR(&contain_call_client_obj) },
    { MP_ROM_QSTR(MP_QSTR_deferred), MP_ROM_PTR(&contain_deferred_obj) },
    { MP_ROM_QSTR(MP_QSTR_shared), MP_ROM_PTR(&contain_shared_obj) },
    { MP_ROM_QSTR(MP_QSTR_log), MP_ROM_PTR(&kernel_log_obj) },
    { MP_ROM_QSTR(MP_QSTR_log_number), MP_ROM_PTR(&kernel_log_number_obj) },
    { MP_ROM_QSTR(MP_QSTR_log_u32), MP_ROM_PTR(&kernel_log_u32_obj) },
    { MP_ROM_QSTR(MP_QSTR_SUCCESS), MP_ROM_PTR(&command_return_success) },
    { MP_ROM_QSTR(MP_QSTR_success_u32), MP_ROM_PTR(&command_return_success_u32_obj) },
    { MP_ROM_QSTR(MP_QSTR_success_u32_shifted), MP_ROM_PTR(&command_return_success_u32_shifted_obj) },
    { MP_ROM_QSTR(MP_QSTR_success_u32_u32), MP_ROM_PTR(&command_return_success_u32_u32_obj) },
    { MP_ROM_QSTR(MP_QSTR_success_u64), MP_ROM_PTR(&command_return_success_u64_obj) },
    { MP_ROM_QSTR(MP_QSTR_sha256), MP_ROM_PTR(&kernel_sha256_obj) },
};
static MP_DEFINE_CONST_DICT(kernel_globals, kernel_globals_table);

const mp_obj_module_t kernel_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&kernel_globals,
};
