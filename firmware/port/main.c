// Boot: start the kernel's Python, let the board wire the kernel, then run the processes.

#include "core/interrupt.h"
#include "kernel/capsule.h"
#include "kernel/fault.h"
#include "kernel/log.h"
#include "kernel/process.h"
#include "kernel/schedule.h"
#include "arch/cortex_m4/mpu.h"
#include "memory_map.h"
#include "py/builtin.h"
#include "py/cstack.h"
#include "py/gc.h"
#include "py/lexer.h"
#include "py/mperrno.h"
#include "py/runtime.h"
#include "shared/runtime/gchelper.h"

extern uint8_t _stack_top, _stack_limit;

mp_state_ctx_t kernel_python_state; // the kernel's own; a process that runs Python has another
static uint8_t heap[CONFIG_KERNEL_HEAP_KB * 1024] __attribute__((aligned(16)));
static mp_obj_t pystack[CONFIG_KERNEL_PYSTACK_BYTES / sizeof(mp_obj_t)];

// For tests: where the running count of bytes allocated is.
const size_t *const kernel_heap_bytes_allocated_ptr __attribute__((used)) = &kernel_python_state.mem.total_bytes_allocated;

int main(void) {
    mp_state_ctx_ptr = &kernel_python_state;
    mpu_init();
    mp_cstack_init_with_top(&_stack_top, &_stack_top - &_stack_limit);
    gc_init(heap, heap + sizeof(heap));
    mp_pystack_init(pystack, &pystack[MP_ARRAY_SIZE(pystack)]);
    mp_init();
    kernel_printf("Adder %s on %s\n", ADDER_VERSION, BOARD_TITLE);

    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        kernel_log_panic();
        mp_obj_print_exception(&kernel_print, MP_OBJ_FROM_PTR(nlr.ret_val));
        kernel_panic("the board could not be wired");
    }
    mp_obj_t import_args[] = { MP_OBJ_NEW_QSTR(MP_QSTR_board) };
    mp_builtin___import__(1, import_args);
    gc_collect();
    nlr_pop();
    schedule_start();
}

// -- What MicroPython asks of a port ------------------------------------------

void gc_collect(void) {
    gc_collect_start();
    gc_helper_collect_regs_and_stack();
    capsule_collect_roots();
    gc_collect_root((void **)interrupt_handlers, INTERRUPT_LINES);
    for (unsigned i = 0; i < CONFIG_MAX_PROCESSES; i++) {
        gc_collect_root((void **)&processes[i].id_object, 1 + MAX_DRIVERS); // and entries[]
    }
    gc_collect_end();
}
_Static_assert(offsetof(process_t, entries) == offsetof(process_t, id_object) + sizeof(mp_obj_t), "scanned together");

void nlr_jump_fail(void *value) {
    mp_obj_print_exception(&kernel_print, MP_OBJ_FROM_PTR(value));
    kernel_panic("an exception that nobody catches");
}

void __fatal_error(const char *message) {
    kernel_panic("%s", message);
}

#ifndef NDEBUG
void __assert_func(const char *file, int line, const char *function, const char *expression) {
    kernel_panic("%s:%d: %s: assertion %s failed", file, line, function, expression);
}
#endif

// There are no files: modules are frozen or built in.
mp_import_stat_t mp_import_stat(const char *path) {
    (void)path;
    return MP_IMPORT_STAT_NO_EXIST;
}

mp_lexer_t *mp_lexer_new_from_file(qstr name) {
    (void)name;
    mp_raise_OSError(MP_ENOENT);
}
