// A Python process from its first instruction in C to its last.

#include <string.h>

#include "extmod/vfs.h"
#include "extmod/vfs_rom.h"
#include "py/builtin.h"
#include "py/cstack.h"
#include "py/gc.h"
#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/objmodule.h"
#include "py/persistentcode.h"
#include "py/runtime.h"
#include "python_process/python_process.h"
#include "python_process/syscalls.h"

#define SMALLEST_HEAP (512)
#define STACK_MARGIN (1024) // for what in C does not look; the kernel's is larger, and its stack is not caught by an MPU
#define TBF_BASE_SIZE (16)

MP_REGISTER_ROOT_POINTER(struct _python_process_t *python_process);
MP_REGISTER_ROOT_POINTER(mp_obj_t native_code);

// The part of our own TBF header with this type; NULL if there is none. The kernel has checked the header's form.
const void *python_process_header(unsigned type, size_t *length) {
    const uint8_t *header = (const uint8_t *)SYSCALL(SVC_MEMOP, MEMOP_FLASH_START, 0, 0, 0).r1;
    const uint16_t size = ((const uint16_t *)header)[1];
    for (unsigned at = TBF_BASE_SIZE; at + 4 <= size;) {
        const uint16_t *tlv = (const uint16_t *)(header + at);
        if (tlv[0] == type) {
            *length = tlv[1];
            return tlv + 2;
        }
        at += 4 + ((tlv[1] + 3) & ~3u);
    }
    return NULL;
}

// vfs.rom_ioctl(): one segment, the program's own files, for reading.
mp_obj_t mp_vfs_rom_ioctl(size_t n_args, const mp_obj_t *args) {
    const python_program_t *program = python_process()->program;
    switch (mp_obj_get_int(args[0])) {
        case MP_VFS_ROM_IOCTL_GET_NUMBER_OF_SEGMENTS:
            return MP_OBJ_NEW_SMALL_INT(1);
        case MP_VFS_ROM_IOCTL_GET_SEGMENT:
            if (n_args > 1 && args[1] == MP_OBJ_NEW_SMALL_INT(0)) {
                return mp_obj_new_memoryview('B', program->files, (void *)(program + 1));
            }
            return MP_OBJ_NEW_SMALL_INT(-MP_EINVAL);
        case MP_VFS_ROM_IOCTL_WRITE_PREPARE:
        case MP_VFS_ROM_IOCTL_WRITE:
            mp_raise_OSError(MP_EROFS); // mpremote does not look at what these return
        default:
            return MP_OBJ_NEW_SMALL_INT(-MP_EINVAL); // the size of a block: there are none
    }
}

// The program's files are its current directory, so its modules come first on sys.path.
static void mount_files(const python_program_t *program) {
    const mp_obj_t segment[2] = { MP_OBJ_NEW_SMALL_INT(MP_VFS_ROM_IOCTL_GET_SEGMENT), MP_OBJ_NEW_SMALL_INT(0) };
    mp_obj_t rom = mp_vfs_rom_ioctl(2, segment);
    mp_obj_t mount[2] = {
        MP_OBJ_TYPE_GET_SLOT(&mp_type_vfs_rom, make_new)(&mp_type_vfs_rom, 1, 0, &rom),
        MP_OBJ_NEW_QSTR(MP_QSTR__slash_rom),
    };
    mp_vfs_mount(2, mount, (mp_map_t *)&mp_const_empty_map);
    MP_STATE_VM(vfs_cur) = MP_STATE_VM(vfs_mount_table);
    mp_obj_list_append(mp_sys_path, MP_OBJ_NEW_QSTR(MP_QSTR__slash_rom_slash_lib));
}

// Run main.mpy as __main__.
static void run_main(mp_module_context_t *context) {
    mp_compiled_module_t module = { .context = context };
    mp_raw_code_load_file(MP_QSTR_main_dot_mpy, &module);
    mp_call_function_0(mp_make_function_from_proto_fun(module.rc, context, MP_OBJ_NULL));
}

// sys.exit(n) and raise SystemExit: a completion code for the kernel.
static uint32_t exit_code(mp_obj_t exception) {
    mp_obj_t value = mp_obj_exception_get_value(exception);
    mp_int_t code;
    if (value == mp_const_none) {
        return 0;
    }
    if (mp_obj_get_int_maybe(value, &code)) {
        return code;
    }
    mp_obj_print(value, PRINT_STR);
    mp_print_str(&mp_plat_print, "\n");
    return 1;
}

// After an exception that nobody has caught: the process ends, unless only the interpreter shall start
// afresh.
static void end(mp_obj_t exception) {
    python_process_t *process = python_process();
    python_process_flush();
    if (mp_obj_is_subclass_fast(MP_OBJ_FROM_PTR(mp_obj_get_type(exception)), MP_OBJ_FROM_PTR(&mp_type_SystemExit))) {
        if (process->soft_reset) {
            return;
        }
        uint32_t code = exit_code(exception);
        python_process_flush();
        syscall_exit(code);
    }
    mp_printf(&mp_plat_print, "app %.*s: uncaught exception\n", (int)process->name_length, process->name);
    mp_obj_print_exception(&mp_plat_print, exception);
    python_process_flush();
    syscall_crash(); // the kernel's fault policy decides what follows
}

// Run the program once. Returns if the interpreter is to start afresh.
static void run(python_process_t *process) {
    mp_init();
    MP_STATE_PORT(python_process) = process;
    MP_STATE_PORT(lent) = MP_OBJ_NULL;
    MP_STATE_PORT(native_code) = MP_OBJ_NULL;
    python_process_forget_input();
    process->alarm_user = ALARM_NOBODYS;
    process->soft_reset = false;
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        end(MP_OBJ_FROM_PTR(nlr.ret_val));
        mp_printf(&mp_plat_print, "MPY: soft reboot\n");
        python_process_revoke();
        gc_sweep_all();
        mp_deinit();
        return;
    }
    mp_module_context_t *context = m_new_obj(mp_module_context_t);
    context->module.base.type = &mp_type_module;
    context->module.globals = mp_globals_get();
    mp_obj_dict_store(MP_OBJ_FROM_PTR(&MP_STATE_VM(mp_loaded_modules_dict)), MP_OBJ_NEW_QSTR(MP_QSTR___main__), MP_OBJ_FROM_PTR(context));
    mp_obj_list_append(mp_sys_argv, mp_obj_new_str(process->name, process->name_length));
    mount_files(process->program);
    run_main(context);
    nlr_pop();
    python_process_flush();
    syscall_exit(0);
}

static void *align(void *address) {
    return (void *)(((uintptr_t)address + 7) & ~7u);
}

// Everything in RAM is zero, except for the 32 bytes that the kernel used for the first frame.
__attribute__((noreturn)) void python_process_main(const python_program_t *program, uint8_t *ram) {
    mp_state_ctx_t *state = &mp_state_ctx;
    python_process_t *process = align(state + 1);
    uint8_t *pystack = align(process + 1);
    uint8_t *heap = pystack + program->pystack;
    uint8_t *heap_end = ram + program->ram;
    if (program->pystack > program->ram || heap > heap_end || heap_end - heap < SMALLEST_HEAP) {
        syscall_crash();
    }
    SYSCALL(SVC_MEMOP, MEMOP_STACK_TOP, state, 0, 0);
    SYSCALL(SVC_MEMOP, MEMOP_HEAP_START, heap, 0, 0);
    process->program = program;
    process->upcall = UPCALL_NONE;
    process->interrupt_char = -1;
    process->waits = NULL;
    process->name = python_process_header(TLV_PACKAGE_NAME, &process->name_length);
    if (process->name == NULL) {
        process->name_length = 0;
    }

    mp_cstack_init_with_top(state, (uint8_t *)state - ram + MICROPY_STACK_CHECK_MARGIN - STACK_MARGIN);
    gc_init(heap, heap_end);
    mp_pystack_init(pystack, heap);
    for (;;) {
        run(process);
    }
}

// An exception that nobody catches: in a process there is always `end` to catch it, unless the
// process has broken its own memory.
void python_process_lost(void) {
    syscall_crash();
}

// Code that a process has compiled or loaded itself, about to be run in its RAM.
void *commit_executable(void *code, size_t length, void *relocation) {
    python_process_t *process = python_process();
    if (process == NULL || !(process->program->flags & PROGRAM_EXECUTABLE_RAM)) {
        mp_raise_NotImplementedError(MP_ERROR_TEXT("machine code needs 'native = true' in the app's options"));
    }
    if (relocation != NULL) {
        mp_native_relocate(relocation, code, (uintptr_t)code);
    }
    // A function may hold a pointer into the middle of it only, which keeps nothing alive.
    if (MP_STATE_PORT(native_code) == MP_OBJ_NULL) {
        MP_STATE_PORT(native_code) = mp_obj_new_list(0, NULL);
    }
    mp_obj_list_append(MP_STATE_PORT(native_code), MP_OBJ_FROM_PTR(code));
    return code;
}
