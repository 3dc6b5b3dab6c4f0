// The module `syscall`: the kernel's interface as it is, for drivers that have no wrapper in `adder`.

#include "py/builtin.h"
#include "py/objexcept.h"
#include "py/objlist.h"
#include "py/runtime.h"
#include "python_process/python_process.h"
#include "python_process/syscalls.h"

enum { FAILURE, FAILURE_U32, FAILURE_U32_U32, FAILURE_U64, SUCCESS = 128, SUCCESS_U32, SUCCESS_U32_U32, SUCCESS_U64, SUCCESS_U32_U32_U32, SUCCESS_U32_U64 };

static const qstr error_names[] = {
    MP_QSTRnull, MP_QSTR_FAIL, MP_QSTR_BUSY, MP_QSTR_ALREADY, MP_QSTR_OFF, MP_QSTR_RESERVE, MP_QSTR_INVAL, MP_QSTR_SIZE,
    MP_QSTR_CANCEL, MP_QSTR_NOMEM, MP_QSTR_NOSUPPORT, MP_QSTR_NODEVICE, MP_QSTR_UNINSTALLED, MP_QSTR_NOACK,
};

// -- Errors -------------------------------------------------------------------

// SyscallError(code, text): code is one of the module's constants.
static MP_DEFINE_CONST_OBJ_TYPE(
    syscall_error_type, MP_QSTR_SyscallError, MP_TYPE_FLAG_NONE,
    make_new, mp_obj_exception_make_new,
    print, mp_obj_exception_print,
    attr, mp_obj_exception_attr,
    parent, &mp_type_OSError);

static __attribute__((noreturn)) void fail(uint32_t code, const char *call, uint32_t number, uint32_t driver) {
    vstr_t text;
    mp_print_t print;
    vstr_init_print(&text, 48, &print);
    mp_printf(&print, "%q: %s %u of driver 0x%x", code < MP_ARRAY_SIZE(error_names) ? error_names[code] : MP_QSTR_FAIL,
        call, (unsigned)number, (unsigned)driver);
    mp_obj_t args[2] = { mp_obj_new_int_from_uint(code), mp_obj_new_str_from_vstr(&text) };
    nlr_raise(mp_obj_exception_make_new(&syscall_error_type, 2, 0, args));
}

static inline uint32_t word(mp_obj_t value) {
    return mp_obj_get_int_truncated(value);
}

// -- Command ------------------------------------------------------------------

// command(driver, number, a=0, b=0): None, an int or a tuple of ints, as the driver answers.
static mp_obj_t syscall_command_(size_t n, const mp_obj_t *args) {
    uint32_t driver = word(args[0]), number = word(args[1]);
    registers_t r = syscall_command(driver, number, n > 2 ? word(args[2]) : 0, n > 3 ? word(args[3]) : 0);
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
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(syscall_command_obj, 2, 4, syscall_command_);

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

// The row of a kind (an SVC number) of thing at a driver's number; made if there is none.
static unsigned lent_row(unsigned kind, uint32_t driver, uint32_t number) {
    mp_obj_list_t *list = lent_list();
    mp_obj_t key = MP_OBJ_NEW_SMALL_INT((driver & 0x7ffffff) << 3 | kind);
    for (size_t i = 0; i < list->len; i += ROW) {
        if (list->items[i] == key && list->items[i + 1] == MP_OBJ_NEW_SMALL_INT(number)) {
            return i / ROW;
        }
    }
    // Three at once or none: an allocation that fails must not leave half a row.
    mp_obj_t row[ROW] = { key, MP_OBJ_NEW_SMALL_INT(number), mp_const_none };
    mp_obj_t grown = mp_binary_op(MP_BINARY_OP_INPLACE_ADD, MP_OBJ_FROM_PTR(list), mp_obj_new_list(ROW, row));
    MP_STATE_PORT(lent) = grown;
    return lent_list()->len / ROW - 1;
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

void python_process_call_handler(unsigned which, const uint32_t args[3]) {
    mp_obj_list_t *list = lent_list();
    if (which >= list->len / ROW || list->items[which * ROW + 2] == mp_const_none) {
        return;
    }
    mp_obj_t objects[3];
    for (unsigned i = 0; i < 3; i++) {
        objects[i] = mp_obj_new_int_from_uint(args[i]);
    }
    mp_call_function_n_kw(list->items[which * ROW + 2], 3, 0, objects);
}

// subscribe(driver, number, handler): handler(a, b, c) runs inside a yield, or a sleep; None ends it.
static mp_obj_t syscall_subscribe(mp_obj_t driver_obj, mp_obj_t number_obj, mp_obj_t handler) {
    uint32_t driver = word(driver_obj), number = word(number_obj);
    if (handler != mp_const_none && !mp_obj_is_callable(handler)) {
        mp_raise_TypeError(MP_ERROR_TEXT("handler must be callable"));
    }
    unsigned row = lent_row(SVC_SUBSCRIBE, driver, number);
    registers_t r = SYSCALL(SVC_SUBSCRIBE, driver, number, handler == mp_const_none ? NULL : python_process_upcall, row);
    if (r.r0 < SUCCESS) {
        fail(r.r1, "subscribe", number, driver);
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
        unsigned row = lent_row(kind, driver, number); \
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

// -- Yield --------------------------------------------------------------------

// yield_wait(): sleep until an upcall has run.
static mp_obj_t syscall_yield_wait(void) {
    python_process_yield(true);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(syscall_yield_wait_obj, syscall_yield_wait);

// yield_no_wait(): run one upcall if one is waiting; True if so.
static mp_obj_t syscall_yield_no_wait(void) {
    return mp_obj_new_bool(python_process_yield(false));
}
static MP_DEFINE_CONST_FUN_OBJ_0(syscall_yield_no_wait_obj, syscall_yield_no_wait);

// yield_wait_for(driver, number): sleep until that upcall has come, run no handler, return its arguments.
static mp_obj_t syscall_yield_wait_for(mp_obj_t driver, mp_obj_t number) {
    python_process_flush();
    registers_t r = SYSCALL(SVC_YIELD, YIELD_WAIT_FOR, word(driver), word(number), 0);
    mp_obj_t items[3] = { mp_obj_new_int_from_uint(r.r0), mp_obj_new_int_from_uint(r.r1), mp_obj_new_int_from_uint(r.r2) };
    return mp_obj_new_tuple(3, items);
}
static MP_DEFINE_CONST_FUN_OBJ_2(syscall_yield_wait_for_obj, syscall_yield_wait_for);

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

#define CODE(name, value) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_INT(value) }

static const mp_rom_map_elem_t syscall_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_syscall) },
    { MP_ROM_QSTR(MP_QSTR_SyscallError), MP_ROM_PTR(&syscall_error_type) },
    { MP_ROM_QSTR(MP_QSTR_command), MP_ROM_PTR(&syscall_command_obj) },
    { MP_ROM_QSTR(MP_QSTR_subscribe), MP_ROM_PTR(&syscall_subscribe_obj) },
    { MP_ROM_QSTR(MP_QSTR_allow_rw), MP_ROM_PTR(&syscall_allow_rw_obj) },
    { MP_ROM_QSTR(MP_QSTR_allow_ro), MP_ROM_PTR(&syscall_allow_ro_obj) },
    { MP_ROM_QSTR(MP_QSTR_allow_readable), MP_ROM_PTR(&syscall_allow_readable_obj) },
    { MP_ROM_QSTR(MP_QSTR_yield_wait), MP_ROM_PTR(&syscall_yield_wait_obj) },
    { MP_ROM_QSTR(MP_QSTR_yield_no_wait), MP_ROM_PTR(&syscall_yield_no_wait_obj) },
    { MP_ROM_QSTR(MP_QSTR_yield_wait_for), MP_ROM_PTR(&syscall_yield_wait_for_obj) },
    { MP_ROM_QSTR(MP_QSTR_memop), MP_ROM_PTR(&syscall_memop_obj) },
    { MP_ROM_QSTR(MP_QSTR_restart), MP_ROM_PTR(&syscall_restart_obj) },
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
