// What MicroPython asks of a port, where the answer differs between the kernel's Python and a process's.
//
// Trusted: this runs in both, with the rights of each.

#include "core/heap.h"
#include "kernel/contain.h"
#include "kernel/fault.h"
#include "kernel/log.h"
#include "py/cstack.h"
#include "py/gc.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "shared/runtime/gchelper.h"

void kernel_collect_roots(void);
void python_process_print(const char *text, size_t length);
__attribute__((noreturn)) void python_process_lost(void);

void gc_collect(void) {
    gc_collect_start();
    gc_helper_collect_regs_and_stack();
    if (in_kernel()) {
        kernel_collect_roots();
    }
    gc_collect_end();
    if (in_kernel()) {
        heap_recount();
    }
}

// The linker leads the interpreter's calls of NAME to __wrap_NAME (port/Makefile).
void *__real_gc_alloc(size_t bytes, unsigned flags);
void *__wrap_gc_alloc(size_t bytes, unsigned flags) {
    return in_kernel() ? heap_alloc(bytes, flags) : __real_gc_alloc(bytes, flags);
}

void *__real_gc_realloc(void *block, size_t bytes, bool may_move);
void *__wrap_gc_realloc(void *block, size_t bytes, bool may_move) {
    return in_kernel() ? heap_realloc(block, bytes, may_move) : __real_gc_realloc(block, bytes, may_move);
}

void __real_gc_free(void *block);
void __wrap_gc_free(void *block) {
    if (in_kernel()) {
        heap_free(block);
    } else {
        __real_gc_free(block);
    }
}

__attribute__((noreturn)) void __real_nlr_jump(void *exception);
__attribute__((noreturn)) void __wrap_nlr_jump(void *exception) {
    if (in_kernel()) {
        contain_note_raise(exception);
    }
    __real_nlr_jump(exception);
}

// Bytecode leaves a frame. A capsule's has no line numbers, so its place on the stack stands there: it says which frames of
// machine code it has called, and which have called it. What wires the board has them.
void __real_mp_obj_exception_add_traceback(mp_obj_t exception, qstr file, size_t line, qstr block);
void __wrap_mp_obj_exception_add_traceback(mp_obj_t exception, qstr file, size_t line, qstr block) {
    __real_mp_obj_exception_add_traceback(exception, file, in_kernel() && contain_running != CONTAIN_KERNEL ? (size_t)__builtin_frame_address(0) : line, block);
}

// Every call of a function, and every recursion of the interpreter's C, comes by here: where a capsule that
// has run for too long is ended, if no jump back in bytecode comes first.
// As short as can be: it is part of each call's price.
void __wrap_mp_cstack_check(void) {
    const char *here = __builtin_frame_address(0);
    if ((mp_uint_t)(MP_STATE_THREAD(stack_top) - here) >= MP_STATE_THREAD(stack_limit)) {
        mp_raise_recursion_depth();
    }
    if (MP_STATE_THREAD(mp_pending_exception) != MP_OBJ_NULL && in_kernel()) {
        mp_handle_pending(true);
    }
}

// MicroPython's own modules, uctypes among them, are for processes. The kernel's Python has the core's and
// its frozen ones, and no others.
mp_obj_t __real_mp_module_get_builtin(qstr name, bool extensible);
mp_obj_t __wrap_mp_module_get_builtin(qstr name, bool extensible) {
    return in_kernel() ? MP_OBJ_NULL : __real_mp_module_get_builtin(name, extensible);
}

// Repeating a sequence multiplies without a look at the product: what overflows 32 bits would be written
// behind the object.
#define LARGEST_PRODUCT (1u << 20)
void __real_mp_seq_multiply(const void *items, size_t item_size, size_t length, size_t times, void *destination);
void __wrap_mp_seq_multiply(const void *items, size_t item_size, size_t length, size_t times, void *destination) {
    if (item_size == 0 || length == 0) {
        return;
    }
    if (times > LARGEST_PRODUCT / item_size / length) {
        m_malloc_fail(LARGEST_PRODUCT);
    }
    __real_mp_seq_multiply(items, item_size, length, times, destination);
}

// Comparing sequences recurses without a look at the stack.
bool __real_mp_seq_cmp_objs(mp_uint_t op, const mp_obj_t *first, size_t first_length, const mp_obj_t *second, size_t second_length);
bool __wrap_mp_seq_cmp_objs(mp_uint_t op, const mp_obj_t *first, size_t first_length, const mp_obj_t *second, size_t second_length) {
    mp_cstack_check();
    return __real_mp_seq_cmp_objs(op, first, first_length, second, second_length);
}

mp_uint_t mp_hal_stdout_tx_strn(const char *text, size_t length) {
    if (in_kernel()) {
        kernel_print.print_strn(NULL, text, length);
    } else {
        python_process_print(text, length);
    }
    return length;
}

void nlr_jump_fail(void *value) {
    if (in_kernel()) {
        mp_obj_print_exception(&kernel_print, MP_OBJ_FROM_PTR(value));
        kernel_panic("an exception that nobody catches");
    }
    python_process_lost();
}

void __fatal_error(const char *message) {
    if (in_kernel()) {
        kernel_panic("%s", message);
    }
    python_process_lost();
}
