// The module `syscall`: the kernel's interface as it is, for drivers that have no wrapper in `adder`.

#include <string.h>

#include "config.h"
#include "py/builtin.h"
#include "py/mphal.h"
#include "py/objexcept.h"
#include "py/objarray.h"
#include "py/objint.h"
#include "py/objlist.h"
#include "py/objtuple.h"
#include "py/runtime.h"
#include "python_process/python_process.h"
#include "python_process/syscalls.h"

#define NODEVICE (11)
#define DRIVER_ALARM (0)
#define DRIVER_RNG (0x40001)

enum { FAILURE, FAILURE_U32, FAILURE_U32_U32, FAILURE_U64, SUCCESS = 128, SUCCESS_U32, SUCCESS_U32_U32, SUCCESS_U64, SUCCESS_U32_U32_U32, SUCCESS_U32_U64 };

static const qstr error_names[] = {
    MP_QSTRnull, MP_QSTR_FAIL, MP_QSTR_BUSY, MP_QSTR_ALREADY, MP_QSTR_OFF, MP_QSTR_RESERVE, MP_QSTR_INVAL, MP_QSTR_SIZE,
    MP_QSTR_CANCEL, MP_QSTR_NOMEM, MP_QSTR_NOSUPPORT, MP_QSTR_NODEVICE, MP_QSTR_UNINSTALLED, MP_QSTR_NOACK,
};

// What each says, as an end of "the driver …".
static const char *const error_meanings[] = {
    "", "it has failed", "it is busy; ask again later", "that is so already", "it is switched off",
    "it is another's, or lacks a buffer", "it does not take these arguments", "too long or too short", "that was cancelled",
    "the kernel has no memory left for this app", "it does not do that", "", "that app does not run any more",
    "nobody has answered on the bus",
};

// -- Errors -------------------------------------------------------------------

// SyscallError(code, text): code is one of the module's constants.
static MP_DEFINE_CONST_OBJ_TYPE(
    syscall_error_type, MP_QSTR_SyscallError, MP_TYPE_FLAG_NONE,
    make_new, mp_obj_exception_make_new,
    print, mp_obj_exception_print,
    attr, mp_obj_exception_attr,
    parent, &mp_type_OSError);

// The names that `permissions` in an app's settings may use, by driver: three bytes of its number, then the name.
// tests/host/test_drivers.py holds them against adder/apps/drivers.py.
static const char driver_names[] =
    "\x00\x00\x00" "alarm\0"
    "\x01\x00\x00" "console\0"
    "\x02\x00\x00" "led\0"
    "\x03\x00\x00" "button\0"
    "\x04\x00\x00" "gpio\0"
    "\x05\x00\x00" "adc\0"
    "\x07\x00\x00" "analog_comparator\0"
    "\x08\x00\x00" "low_level_debug\0"
    "\x09\x00\x00" "read_only_state\0"
    "\x10\x00\x00" "pwm\0"
    "\x00\x00\x01" "ipc\0"
    "\x01\x00\x01" "app_loader\0"
    "\x02\x00\x01" "process_info\0"
    "\x00\x01\x01" "apps\0"
    "\x00\x00\x02" "uart\0"
    "\x01\x00\x02" "spi\0"
    "\x03\x00\x02" "i2c\0"
    "\x06\x00\x03" "eui64\0"
    "\x01\x00\x04" "rng\0"
    "\x02\x00\x04" "crc\0"
    "\x03\x00\x04" "hmac\0"
    "\x05\x00\x04" "sha\0"
    "\x06\x00\x04" "aes\0"
    "\x00\x00\x05" "app_flash\0"
    "\x01\x00\x05" "nonvolatile_storage\0"
    "\x03\x00\x05" "key_value\0"
    "\x04\x00\x05" "isolated_nonvolatile_storage\0"
    "\x00\x00\x06" "temperature\0"
    "\x01\x00\x06" "humidity\0"
    "\x02\x00\x06" "ambient_light\0"
    "\x04\x00\x06" "ninedof\0"
    "\x05\x00\x06" "proximity\0"
    "\x06\x00\x06" "sound_pressure\0"
    "\x07\x00\x06" "air_quality\0"
    "\x08\x00\x06" "pressure\0"
    "\x09\x00\x06" "distance\0"
    "\x0a\x00\x06" "moisture\0"
    "\x0b\x00\x06" "rainfall\0"
    "\x03\x00\x08" "gpio_async\0"
    "\x00\x00\x09" "buzzer\0"
    "\x01\x00\x09" "screen\0"
    "\x07\x00\x09" "date_time\0"
    "\x09\x00\x09" "servo\0";

static const char *driver_name(uint32_t driver) {
    for (const char *at = driver_names; at < driver_names + sizeof(driver_names) - 1; at += 3 + strlen(at + 3) + 1) {
        if ((uint32_t)at[0] == (driver & 0xff) && (uint32_t)at[1] == (driver >> 8 & 0xff) && (uint32_t)at[2] == driver >> 16) {
            return at + 3;
        }
    }
    return NULL;
}

#define ANY_COMMAND (UINT32_MAX)

// True if the header of our own binary has permissions, and neither this command nor, for ANY_COMMAND, one of the
// driver's is among them.
static bool forbidden(uint32_t driver, uint32_t command) {
    size_t length;
    const uint8_t *entry = python_process_header(TLV_PERMISSIONS, &length);
    if (entry == NULL) {
        return false;
    }
    for (entry += 2; length >= 18; entry += 16, length -= 16) { // u32 driver, u32 offset, u64 mask
        uint32_t permission[4];
        memcpy(permission, entry, sizeof(permission));
        uint32_t bit = command - 64 * permission[1];
        if (permission[0] == driver && (command == ANY_COMMAND || (bit < 64 && permission[2 + bit / 32] >> bit % 32 & 1))) {
            return false;
        }
    }
    return true;
}

// The kernel says NODEVICE for whatever a process may not use as well as for what is not there: say which it is.
static void say_why(const mp_print_t *print, uint32_t driver, uint32_t command) {
    const char *name = driver_name(driver);
    if (forbidden(driver, command)) {
        mp_printf(print, " needs the permission ");
        mp_printf(print, name != NULL ? "'%s'" : "0x%x", name != NULL ? (uintptr_t)name : driver);
        mp_printf(print, "%s in the app's settings", forbidden(driver, ANY_COMMAND) ? "" : " with this command");
        return;
    }
    registers_t exists = syscall_command(driver, 0, 0, 0);
    if (!forbidden(driver, 0) && exists.r0 == FAILURE && exists.r1 == NODEVICE) {
        mp_printf(print, ": this board has no %s", name != NULL ? name : "such driver");
    }
}

static uint32_t known(uint32_t code) {
    return code == 0 || code >= MP_ARRAY_SIZE(error_names) ? 1 : code;
}

static __attribute__((noreturn)) void raise_error(uint32_t code, const vstr_t *text) {
    mp_obj_t args[2] = { mp_obj_new_int_from_uint(code), mp_obj_new_str_from_vstr((vstr_t *)text) };
    nlr_raise(mp_obj_exception_make_new(&syscall_error_type, 2, 0, args));
}

// check(status): what an upcall says has become of a request; raises SyscallError if it is not 0.
static mp_obj_t syscall_check(mp_obj_t status) {
    uint32_t code = mp_obj_get_int_truncated(status);
    if (code != 0) {
        vstr_t text;
        mp_print_t print;
        vstr_init_print(&text, 64, &print);
        mp_printf(&print, "%q: %s", error_names[known(code)], error_meanings[known(code)]);
        raise_error(known(code), &text);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(syscall_check_obj, syscall_check);

static __attribute__((noreturn)) void fail(uint32_t code, const char *call, uint32_t number, uint32_t driver) {
    vstr_t text;
    mp_print_t print;
    vstr_init_print(&text, 80, &print);
    code = known(code);
    mp_printf(&print, "%q: %s %u", error_names[code], call, (unsigned)number);
    if (*call != 'm') {
        mp_printf(&print, " of driver 0x%x", (unsigned)driver);
    }
    if (code != NODEVICE) {
        const char *name = *call == 'm' ? NULL : driver_name(driver);
        if (name != NULL) {
            mp_printf(&print, " (%s)", name);
        }
        mp_printf(&print, ": %s", error_meanings[code]);
    } else if (*call != 'm') {
        say_why(&print, driver, *call == 'c' ? number : ANY_COMMAND);
    }
    raise_error(code, &text);
}

void python_process_refused(uint32_t driver, uint32_t command) {
    fail(NODEVICE, "command", command, driver);
}

void python_process_failed(uint32_t code, uint32_t driver, uint32_t command) {
    fail(code, "command", command, driver);
}

void python_process_no_memory(size_t bytes) {
    python_process_t *process = python_process();
    vstr_t text;
    mp_print_t print = { &text, (mp_print_strn_t)vstr_add_strn };
    vstr_init_fixed_buf(&text, sizeof(process->memory_buffer), process->memory_buffer);
    mp_printf(&print, "no room for %u bytes; raise 'ram' in the app's settings", (unsigned)bytes);
    process->memory_text = (mp_obj_str_t) { { &mp_type_str }, 0, text.len, (const byte *)process->memory_buffer };
    mp_obj_t args[1] = { MP_OBJ_FROM_PTR(&process->memory_text) };
    nlr_raise(mp_obj_exception_make_new(&mp_type_MemoryError, 1, 0, args));
}

// A number of 32 bits, signed or not; OverflowError if it has more, and TypeError if it is none.
static uint32_t word(mp_obj_t value) {
    if (mp_obj_is_small_int(value)) {
        return MP_OBJ_SMALL_INT_VALUE(value);
    }
    if (!mp_obj_is_exact_type(value, &mp_type_int)) {
        return mp_obj_get_int(value);
    }
    uint32_t bits = mp_obj_int_get_truncated(value);
    if (!mp_obj_equal(value, mp_obj_new_int_from_uint(bits)) && !mp_obj_equal(value, mp_obj_new_int((int32_t)bits))) {
        mp_raise_msg(&mp_type_OverflowError, MP_ERROR_TEXT("a number of 32 bits is wanted"));
    }
    return bits;
}

// natural(value, [most]): the number itself. Whoever counts by what he was given begins so: below 0, bytearray(n) is empty,
// and a read goes on for ever.
static mp_obj_t syscall_natural(size_t n_args, const mp_obj_t *args) {
    mp_obj_t value = args[0];
    mp_int_t number = mp_obj_is_exact_type(value, &mp_type_int) ? mp_obj_int_sign(value) : mp_obj_get_int(value);
    if (number < 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("a number from 0 on is wanted"));
    }
    if (mp_obj_is_exact_type(value, &mp_type_int)) {
        mp_raise_msg(&mp_type_OverflowError, MP_ERROR_TEXT("that is more than there can be"));
    }
    if (n_args > 1 && number > mp_obj_get_int(args[1])) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("a number up to %d is wanted"), (int)mp_obj_get_int(args[1]));
    }
    return MP_OBJ_NEW_SMALL_INT(number);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(syscall_natural_obj, 1, 2, syscall_natural);

// -- Command ------------------------------------------------------------------

// command(driver, number, a=0, b=0): None, an int or a tuple of ints, as the driver answers.
static mp_obj_t answer_of(registers_t r, uint32_t driver, uint32_t number) {
    mp_obj_t items[3];
    switch (r.r0) {
        case SUCCESS:
            return mp_const_none;
        case SUCCESS_U32:
            return mp_obj_new_int_from_uint(r.r1);
        case SUCCESS_U64:
            return mp_obj_new_int_from_ull((uint64_t)r.r2 << 32 | r.r1);
        case SUCCESS_U32_U32:
        case SUCCESS_U32_U32_U32:
            items[0] = mp_obj_new_int_from_uint(r.r1);
            items[1] = mp_obj_new_int_from_uint(r.r2);
            items[2] = mp_obj_new_int_from_uint(r.r3);
            return mp_obj_new_tuple(r.r0 - SUCCESS_U32_U32 == 0 ? 2 : 3, items);
        case SUCCESS_U32_U64:
            items[0] = mp_obj_new_int_from_uint(r.r1);
            items[1] = mp_obj_new_int_from_ull((uint64_t)r.r3 << 32 | r.r2);
            return mp_obj_new_tuple(2, items);
        default:
            fail(r.r1, "command", number, driver);
    }
}

static mp_obj_t syscall_command_(size_t n, const mp_obj_t *args) {
    uint32_t driver = word(args[0]), number = word(args[1]);
    registers_t r = syscall_command(driver, number, n > 2 ? word(args[2]) : 0, n > 3 ? word(args[3]) : 0);
    return answer_of(r, driver, number);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(syscall_command_obj, 2, 4, syscall_command_);

// prepared(driver, number, least, most): a function of so many arguments, at most two, that is command(driver, number, ...)
// and costs little. The library's functions that do nothing else are made so (adder/build/prepared.py).
typedef struct {
    mp_obj_base_t base;
    uint32_t driver, number;
    uint8_t least, most;
} prepared_t;

static mp_obj_t prepared_call(mp_obj_t self_in, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    prepared_t *self = MP_OBJ_TO_PTR(self_in);
    uint32_t words[2] = { 0 };
    if (n_kw != 0 || n_args < self->least || n_args > self->most) {
        mp_arg_check_num(n_args, n_kw, self->least, self->most, false);
    }
    for (size_t i = 0; i < n_args; i++) {
        words[i] = mp_obj_is_small_int(args[i]) ? (uint32_t)MP_OBJ_SMALL_INT_VALUE(args[i]) : word(args[i]);
    }
    registers_t r = syscall_command(self->driver, self->number, words[0], words[1]);
    return r.r0 == SUCCESS ? mp_const_none : answer_of(r, self->driver, self->number);
}

static MP_DEFINE_CONST_OBJ_TYPE(prepared_type, MP_QSTR_function, MP_TYPE_FLAG_NONE, call, prepared_call);

static mp_obj_t syscall_prepared(size_t n, const mp_obj_t *args) {
    (void)n;
    prepared_t *self = mp_obj_malloc(prepared_t, &prepared_type);
    self->driver = word(args[0]);
    self->number = word(args[1]);
    self->least = MIN(word(args[2]), 2);
    self->most = MIN(word(args[3]), 2);
    return MP_OBJ_FROM_PTR(self);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(syscall_prepared_obj, 4, 4, syscall_prepared);

// -- What the kernel has of ours ----------------------------------------------

// A flat list of rows {kind and driver, number, object}: handlers of upcalls and allowed buffers, which the
// garbage collector must not take away. An upcall's application data is its row.
MP_REGISTER_ROOT_POINTER(mp_obj_t lent);
#define ROW (3)

static mp_obj_list_t *lent_list(void) {
    if (MP_STATE_PORT(lent) == MP_OBJ_NULL) {
        MP_STATE_PORT(lent) = mp_obj_new_list(0, NULL);
    }
    return MP_OBJ_TO_PTR(MP_STATE_PORT(lent));
}

// The row of a kind (an SVC number) of thing at a driver's number; made, or -1, if there is none.
static int lent_row(unsigned kind, uint32_t driver, uint32_t number, bool make) {
    mp_obj_list_t *list = lent_list();
    mp_obj_t key = MP_OBJ_NEW_SMALL_INT((driver & 0x7ffffff) << 3 | kind);
    for (size_t i = 0; i < list->len; i += ROW) {
        if (list->items[i] == key && list->items[i + 1] == MP_OBJ_NEW_SMALL_INT(number)) {
            return i / ROW;
        }
    }
    if (!make) {
        return -1;
    }
    // Three at once or none: an allocation that fails must not leave half a row.
    mp_obj_t row[ROW] = { key, MP_OBJ_NEW_SMALL_INT(number), mp_const_none };
    mp_obj_t grown = mp_binary_op(MP_BINARY_OP_INPLACE_ADD, MP_OBJ_FROM_PTR(list), mp_obj_new_list(ROW, row));
    MP_STATE_PORT(lent) = grown;
    return lent_list()->len / ROW - 1;
}

bool python_process_lends(uint32_t driver) {
    for (unsigned kind = SVC_ALLOW_READ_WRITE; kind <= SVC_ALLOW_READ_ONLY; kind++) {
        int row = lent_row(kind, driver, 0, false);
        if (row >= 0 && lent_list()->items[row * ROW + 2] != mp_const_none) {
            return true;
        }
    }
    return false;
}

void python_process_revoke(void) {
    mp_obj_list_t *list = lent_list();
    for (size_t i = 0; i + ROW <= list->len; i += ROW) {
        uint32_t key = MP_OBJ_SMALL_INT_VALUE(list->items[i]);
        uint32_t driver = key >> 3, number = MP_OBJ_SMALL_INT_VALUE(list->items[i + 1]);
        switch (key & 7) {
            case SVC_SUBSCRIBE:
                SYSCALL(SVC_SUBSCRIBE, driver, number, NULL, 0);
                break;
            case SVC_ALLOW_READ_WRITE:
                SYSCALL(SVC_ALLOW_READ_WRITE, driver, number, NULL, 0);
                break;
            case SVC_ALLOW_READ_ONLY:
                SYSCALL(SVC_ALLOW_READ_ONLY, driver, number, NULL, 0);
                break;
            case SVC_ALLOW_READABLE:
                SYSCALL(SVC_ALLOW_READABLE, driver, number, NULL, 0);
                break;
        }
    }
    list->len = 0;
}

// Note an upcall's first two numbers in a list. Of those with the same first number two are kept: one that may be worked at, and one for what
// has come since.
static void note(mp_obj_t list, const mp_obj_t *numbers) {
    size_t length, same = 0;
    mp_obj_t *items;
    mp_obj_list_get(list, &length, &items);
    for (size_t i = 0; i < length; i++) {
        if (mp_obj_is_exact_type(items[i], &mp_type_tuple)) {
            same += mp_obj_equal(((mp_obj_tuple_t *)MP_OBJ_TO_PTR(items[i]))->items[0], numbers[0]);
        }
    }
    if (same < 2) {
        mp_obj_list_append(list, mp_obj_new_tuple(2, numbers));
    }
}

bool python_process_call_handler(unsigned which, const uint32_t args[3]) {
    mp_obj_list_t *list = lent_list();
    if (which >= list->len / ROW || list->items[which * ROW + 2] == mp_const_none) {
        return false;
    }
    mp_obj_t handler = list->items[which * ROW + 2], objects[3];
    for (unsigned i = 0; i < 3; i++) {
        objects[i] = mp_obj_new_int_from_uint(args[i]);
    }
    if (mp_obj_is_exact_type(handler, &mp_type_list)) {
        note(handler, objects);
    } else {
        mp_call_function_n_kw(handler, 3, 0, objects);
    }
    return true;
}

// subscribe(driver, number, handler): handler(a, b, c) runs while the program waits, however; if it is a list, the tuple
// (a, b) is appended to it instead, unless it holds two that begin with a. None ends it.
// Without a handler the kernel is still told to call us: only so can yield_wait_for let other handlers run.
static mp_obj_t syscall_subscribe(mp_obj_t driver_obj, mp_obj_t number_obj, mp_obj_t handler) {
    uint32_t driver = word(driver_obj), number = word(number_obj);
    if (handler != mp_const_none && !mp_obj_is_exact_type(handler, &mp_type_list) && !mp_obj_is_callable(handler)) {
        mp_raise_TypeError(MP_ERROR_TEXT("handler must be callable, or a list"));
    }
    unsigned row = lent_row(SVC_SUBSCRIBE, driver, number, true);
    registers_t r = SYSCALL(SVC_SUBSCRIBE, driver, number, python_process_upcall, row);
    if (r.r0 < SUCCESS) {
        fail(r.r1, "subscribe", number, driver);
    }
    if (driver == DRIVER_ALARM) {
        python_process()->alarm_user = ALARM_PROGRAMS;
        python_process()->alarm_set = false;
    }
    lent_list()->items[row * ROW + 2] = handler;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(syscall_subscribe_obj, syscall_subscribe);

// An SVC number is part of the instruction, hence a macro. The kernel keeps the buffer's address: do not make a
// bytearray longer or shorter while it is allowed.
#define ALLOW(python_name, kind, flags, text) \
    static mp_obj_t syscall_##python_name(mp_obj_t driver_obj, mp_obj_t number_obj, mp_obj_t buffer) { \
        uint32_t driver = word(driver_obj), number = word(number_obj); \
        mp_buffer_info_t info = { 0 }; \
        if (buffer != mp_const_none) { \
            mp_get_buffer_raise(buffer, &info, flags); \
        } \
        unsigned row = lent_row(kind, driver, number, true); \
        registers_t r = SYSCALL(kind, driver, number, info.buf, info.len); \
        if (r.r0 < SUCCESS) { \
            fail(r.r1, text, number, driver); \
        } \
        lent_list()->items[row * ROW + 2] = buffer; \
        return mp_const_none; \
    } \
    static MP_DEFINE_CONST_FUN_OBJ_3(syscall_##python_name##_obj, syscall_##python_name)

ALLOW(allow_rw, SVC_ALLOW_READ_WRITE, MP_BUFFER_RW, "allow_rw");
ALLOW(allow_ro, SVC_ALLOW_READ_ONLY, MP_BUFFER_READ, "allow_ro");
ALLOW(allow_readable, SVC_ALLOW_READABLE, MP_BUFFER_RW, "allow_readable");

// bytes_of(object): a memoryview of the bytes in its buffer, whatever its items are; it keeps the buffer, but not its length.
static mp_obj_t syscall_bytes_of(mp_obj_t object) {
    mp_buffer_info_t info;
    if (mp_obj_is_str(object)) {
        mp_raise_TypeError(MP_ERROR_TEXT("bytes wanted, not str"));
    }
    bool writable = mp_get_buffer(object, &info, MP_BUFFER_WRITE); // if it is not, `info` may be wrong
    mp_get_buffer_raise(object, &info, MP_BUFFER_READ);
    mp_obj_t view = mp_obj_new_memoryview('B' | (writable ? MP_OBJ_ARRAY_TYPECODE_FLAG_RW : 0), info.len, info.buf);
    if (mp_obj_is_exact_type(object, &mp_type_memoryview)) { // the collector knows a block by its beginning
        mp_obj_array_t *bytes = MP_OBJ_TO_PTR(view);
        bytes->items = ((mp_obj_array_t *)MP_OBJ_TO_PTR(object))->items;
        bytes->free = (char *)info.buf - (char *)bytes->items;
    }
    return view;
}
static MP_DEFINE_CONST_FUN_OBJ_1(syscall_bytes_of_obj, syscall_bytes_of);

// take_bytes(bytearray): its contents except for the last byte, which must be 0, as bytes; nothing is copied, and the bytearray
// is empty afterwards.
static mp_obj_t syscall_take_bytes(mp_obj_t object) {
    mp_buffer_info_t info;
    mp_get_buffer_raise(object, &info, MP_BUFFER_RW);
    if (!mp_obj_is_type(object, &mp_type_bytearray) || info.len == 0 || ((char *)info.buf)[info.len - 1] != 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("a bytearray that ends with 0 is wanted"));
    }
    mp_obj_array_t *array = MP_OBJ_TO_PTR(object);
    mp_obj_str_t *bytes = mp_obj_malloc(mp_obj_str_t, &mp_type_bytes);
    bytes->len = info.len - 1;
    bytes->data = info.buf;
    bytes->hash = qstr_compute_hash(bytes->data, bytes->len);
    array->items = NULL;
    array->len = array->free = 0;
    return MP_OBJ_FROM_PTR(bytes);
}
static MP_DEFINE_CONST_FUN_OBJ_1(syscall_take_bytes_obj, syscall_take_bytes);

// -- Yield --------------------------------------------------------------------

// yield_wait(milliseconds=-1): sleep until a handler has run, or so long. True if one has.
static mp_obj_t syscall_yield_no_wait(void);
static mp_obj_t syscall_yield_wait(size_t n, const mp_obj_t *args) {
    uint64_t end = UINT64_MAX;
    if (n != 0 && args[0] == MP_OBJ_NEW_SMALL_INT(0)) {
        return syscall_yield_no_wait();
    }
    if (n != 0 && mp_obj_get_int(args[0]) >= 0) {
        end = python_process_ticks_in(mp_obj_get_int(args[0]));
    }
    for (;;) {
        int32_t upcall = python_process_wait_until(end);
        mp_handle_pending(true);
        if (upcall >= 0) {
            return mp_const_true;
        }
        if (end != UINT64_MAX && python_process_ticks() >= end) {
            return mp_const_false;
        }
    }
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(syscall_yield_wait_obj, 0, 1, syscall_yield_wait);

// yield_wait_within(milliseconds): the same, but it may be less. If an alarm is set that comes early enough, nobody looks at
// the clock, which is a command to a capsule: this is for who only wants to see now and then that his peer lives.
static mp_obj_t syscall_yield_wait_within(mp_obj_t milliseconds) {
    int32_t upcall = python_process_wait_until(python_process_ticks_within(mp_obj_get_int(milliseconds)));
    mp_handle_pending(true);
    return mp_obj_new_bool(upcall >= 0);
}
static MP_DEFINE_CONST_FUN_OBJ_1(syscall_yield_wait_within_obj, syscall_yield_wait_within);

// yield_no_wait(): run one handler if an upcall is waiting; True if so.
static mp_obj_t syscall_yield_no_wait(void) {
    int32_t upcall;
    do {
        upcall = python_process_yield(false);
    } while (upcall < UPCALL_NONE);
    python_process_typed();
    mp_handle_pending(true);
    return mp_obj_new_bool(upcall >= 0);
}
static MP_DEFINE_CONST_FUN_OBJ_0(syscall_yield_no_wait_obj, syscall_yield_no_wait);

// yield_wait_for(driver, number): sleep until that upcall has come, do not run its handler, return its arguments.
// Other handlers run meanwhile, and Ctrl-C is seen, if `subscribe` has been called for this upcall, be it with None.
// Otherwise it may be waiting already, for nobody, and only the kernel knows: so this is the kernel's wait.
static mp_obj_t syscall_yield_wait_for(mp_obj_t driver, mp_obj_t number) {
    python_process_t *process = python_process();
    uint32_t args[3];
    int row = lent_row(SVC_SUBSCRIBE, word(driver), word(number), false);
    if (row < 0) {
        python_process_flush();
        registers_t r = SYSCALL(SVC_YIELD, YIELD_WAIT_FOR, word(driver), word(number), 0);
        memcpy(args, &r, sizeof(args));
    } else {
        python_process_wait_t wait = { process->waits, row, false, { 0 } };
        nlr_buf_t nlr;
        if (nlr_push(&nlr) == 0) {
            do {
                process->waits = &wait;
                python_process_wait_until(UINT64_MAX);
                mp_handle_pending(true);
            } while (!wait.came);
            nlr_pop();
        } else {
            process->waits = wait.outer;
            nlr_jump(nlr.ret_val);
        }
        process->waits = wait.outer;
        memcpy(args, wait.args, sizeof(args));
    }
    mp_obj_t items[3];
    for (unsigned i = 0; i < 3; i++) {
        items[i] = mp_obj_new_int_from_uint(args[i]);
    }
    return mp_obj_new_tuple(3, items);
}
static MP_DEFINE_CONST_FUN_OBJ_2(syscall_yield_wait_for_obj, syscall_yield_wait_for);

// -- Randomness ---------------------------------------------------------------

// For `random`: from the board's source, if there is one. Two requests at once would disturb each other, so if adder.rng
// is in use it is asked.
uint32_t python_process_seed(void) {
    uint32_t seed = 0;
    registers_t r = { 0 };
    if (lent_row(SVC_SUBSCRIBE, DRIVER_RNG, 0, false) >= 0) {
        mp_obj_t method[3];
        mp_load_method(mp_import_name(MP_QSTR_adder_dot_rng, mp_const_true, MP_OBJ_NEW_SMALL_INT(0)), MP_QSTR_read, method);
        method[2] = MP_OBJ_NEW_SMALL_INT(sizeof(seed));
        memcpy(&seed, mp_obj_str_get_str(mp_call_method_n_kw(1, 0, method)), sizeof(seed));
        return seed;
    }
    if (SYSCALL(SVC_ALLOW_READ_WRITE, DRIVER_RNG, 0, &seed, sizeof(seed)).r0 >= SUCCESS
        && syscall_command(DRIVER_RNG, 1, sizeof(seed), 0).r0 >= SUCCESS) {
        r = SYSCALL(SVC_YIELD, YIELD_WAIT_FOR, DRIVER_RNG, 0, 0);
        SYSCALL(SVC_ALLOW_READ_WRITE, DRIVER_RNG, 0, NULL, 0);
    }
    return r.r1 == sizeof(seed) ? seed : (uint32_t)python_process_ticks() * 2654435761u ^ (uint32_t)python_process();
}

// -- Memop and exit -----------------------------------------------------------

static mp_obj_t syscall_memop(size_t n, const mp_obj_t *args) {
    registers_t r = SYSCALL(SVC_MEMOP, word(args[0]), n > 1 ? word(args[1]) : 0, 0, 0);
    if (r.r0 == SUCCESS) {
        return mp_const_none;
    }
    if (r.r0 != SUCCESS_U32) {
        fail(r.r1, "memop", word(args[0]), 0);
    }
    return mp_obj_new_int_from_uint(r.r1);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(syscall_memop_obj, 1, 2, syscall_memop);

static mp_obj_t syscall_restart(void) {
    python_process_flush();
    SYSCALL(SVC_EXIT, 1, 0, 0, 0);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(syscall_restart_obj, syscall_restart);

// set_time(seconds): time.time() is that much now.
static mp_obj_t syscall_set_time(mp_obj_t seconds) {
    python_process()->epoch = 0;
    python_process()->epoch = word(seconds) - (uint32_t)(mp_hal_time_ns() / 1000000000);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(syscall_set_time_obj, syscall_set_time);

#define CODE(name, value) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_INT(value) }

static const mp_rom_map_elem_t syscall_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_syscall) },
    { MP_ROM_QSTR(MP_QSTR_SyscallError), MP_ROM_PTR(&syscall_error_type) },
    { MP_ROM_QSTR(MP_QSTR_command), MP_ROM_PTR(&syscall_command_obj) },
    { MP_ROM_QSTR(MP_QSTR_prepared), MP_ROM_PTR(&syscall_prepared_obj) },
    { MP_ROM_QSTR(MP_QSTR_check), MP_ROM_PTR(&syscall_check_obj) },
    { MP_ROM_QSTR(MP_QSTR_natural), MP_ROM_PTR(&syscall_natural_obj) },
    { MP_ROM_QSTR(MP_QSTR_subscribe), MP_ROM_PTR(&syscall_subscribe_obj) },
    { MP_ROM_QSTR(MP_QSTR_allow_rw), MP_ROM_PTR(&syscall_allow_rw_obj) },
    { MP_ROM_QSTR(MP_QSTR_allow_ro), MP_ROM_PTR(&syscall_allow_ro_obj) },
    { MP_ROM_QSTR(MP_QSTR_allow_readable), MP_ROM_PTR(&syscall_allow_readable_obj) },
    { MP_ROM_QSTR(MP_QSTR_bytes_of), MP_ROM_PTR(&syscall_bytes_of_obj) },
    { MP_ROM_QSTR(MP_QSTR_take_bytes), MP_ROM_PTR(&syscall_take_bytes_obj) },
    { MP_ROM_QSTR(MP_QSTR_yield_wait), MP_ROM_PTR(&syscall_yield_wait_obj) },
    { MP_ROM_QSTR(MP_QSTR_yield_wait_within), MP_ROM_PTR(&syscall_yield_wait_within_obj) },
    { MP_ROM_QSTR(MP_QSTR_yield_no_wait), MP_ROM_PTR(&syscall_yield_no_wait_obj) },
    { MP_ROM_QSTR(MP_QSTR_yield_wait_for), MP_ROM_PTR(&syscall_yield_wait_for_obj) },
    { MP_ROM_QSTR(MP_QSTR_memop), MP_ROM_PTR(&syscall_memop_obj) },
    { MP_ROM_QSTR(MP_QSTR_restart), MP_ROM_PTR(&syscall_restart_obj) },
    { MP_ROM_QSTR(MP_QSTR_set_time), MP_ROM_PTR(&syscall_set_time_obj) },
    #if CONFIG_PYTHON_LITTLEFS
    { MP_ROM_QSTR(MP_QSTR_Blocks), MP_ROM_PTR(&python_process_blocks_type) },
    #endif
    CODE(FAIL, 1),
    CODE(BUSY, 2),
    CODE(ALREADY, 3),
    CODE(OFF, 4),
    CODE(RESERVE, 5),
    CODE(INVAL, 6),
    CODE(SIZE, 7),
    CODE(CANCEL, 8),
    CODE(NOMEM, 9),
    CODE(NOSUPPORT, 10),
    CODE(NODEVICE, 11),
    CODE(UNINSTALLED, 12),
    CODE(NOACK, 13),
};
static MP_DEFINE_CONST_DICT(syscall_globals, syscall_globals_table);

const mp_obj_module_t syscall_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&syscall_globals,
};
MP_REGISTER_MODULE(MP_QSTR_syscall, syscall_module);
