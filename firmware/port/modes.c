// What MicroPython asks of a port, where the answer differs between the kernel's Python and a process's.
//
// Trusted: this runs in both, with the rights of each.

#include "kernel/fault.h"
#include "kernel/log.h"
#include "py/gc.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "python_process/python_process.h"
#include "shared/runtime/gchelper.h"

void kernel_collect_roots(void);
void python_process_print(const char *text, size_t length);
__attribute__((noreturn)) void python_process_lost(void);

void gc_collect(void) {
    gc_collect_start();
    gc_helper_collect_regs_and_stack();
    if (python_process() == NULL) {
        kernel_collect_roots();
    }
    gc_collect_end();
}

mp_uint_t mp_hal_stdout_tx_strn(const char *text, size_t length) {
    if (python_process() == NULL) {
        kernel_print.print_strn(NULL, text, length);
    } else {
        python_process_print(text, length);
    }
    return length;
}

void nlr_jump_fail(void *value) {
    if (python_process() == NULL) {
        mp_obj_print_exception(&kernel_print, MP_OBJ_FROM_PTR(value));
        kernel_panic("an exception that nobody catches");
    }
    python_process_lost();
}

void __fatal_error(const char *message) {
    if (python_process() == NULL) {
        kernel_panic("%s", message);
    }
    python_process_lost();
}

#ifndef NDEBUG
void __assert_func(const char *file, int line, const char *function, const char *expression) {
    if (python_process() == NULL) {
        kernel_panic("%s:%d: %s: assertion %s failed", file, line, function, expression);
    }
    python_process_lost();
}
#endif
