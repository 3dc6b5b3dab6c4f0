// Boot: start the kernel's Python, let the board wire the kernel, then run the processes.

#include "core/context_switch.h"
#include "core/flash.h"
#include "core/heap.h"
#include "core/interrupt.h"
#include "core/wired.h"
#include "objects/registers.h"
#include "objects/buffer.h"
#include "kernel/contain.h"
#include "kernel/crash_screen.h"
#include "kernel/driver.h"
#include "kernel/fault.h"
#include "kernel/loader.h"
#include "kernel/log.h"
#include "kernel/process.h"
#include "kernel/schedule.h"
#include "kernel/seal.h"
#include "kernel/tick.h"
#include "arch/cortex_m4/mpu.h"
#include "memory_map.h"
#include "py/builtin.h"
#include "py/cstack.h"
#include "py/emitglue.h"
#include "py/gc.h"
#include "py/objlist.h"
#include "py/runtime.h"

extern const mp_obj_module_t cells_module, kernel_module, mint_module;

extern uint8_t _stack_top, _stack_limit;

#define ATTEMPTS (3) // to wire the board: an allocation may fail

// Where the heap lies, and where the stack ends. The build gives them other places when it wires the kernel (adder/wire).
extern uint8_t _heap_start, _heap_end;
uint8_t *const memory_bounds[3] = { &_heap_start, &_heap_end, &_stack_limit };

static mp_obj_t pystack[CONFIG_KERNEL_PYSTACK_BYTES / sizeof(mp_obj_t)];

// For tests: where the running count of bytes allocated is.
const size_t *const kernel_heap_bytes_allocated_ptr __attribute__((used)) = &kernel_python_state.mem.total_bytes_allocated;

// The kernel's Python finds its own frozen modules and those of the trusted core, and a process does
// not: they are in no table that the interpreter shares.
FOR_WIRING static void kernel_modules(void) {
    mp_obj_t loaded = MP_OBJ_FROM_PTR(&MP_STATE_VM(mp_loaded_modules_dict));
    mp_obj_dict_store(loaded, MP_OBJ_NEW_QSTR(MP_QSTR_cells), MP_OBJ_FROM_PTR(&cells_module));
    mp_obj_dict_store(loaded, MP_OBJ_NEW_QSTR(MP_QSTR_kernel), MP_OBJ_FROM_PTR(&kernel_module));
    mp_obj_dict_store(loaded, MP_OBJ_NEW_QSTR(MP_QSTR_mint), MP_OBJ_FROM_PTR(&mint_module));
    mp_obj_t path = MP_OBJ_NEW_QSTR(MP_QSTR__dot_frozen_slash__dot_kernel);
    mp_sys_path = mp_obj_new_list(1, &path);
}

FOR_WIRING static void wire(void) {
    mp_init();
    MP_STATE_PORT(typed)[0] = TYPED_NOTHING; // here nobody types
    contain_init();
    process_init();
    // MicroPython keeps each string of one character for ever, in a table that grows: not while capsules run.
    // Most are in flash (qstrdefsport.h); these two cannot be written there.
    qstr_from_strn("\"", 1);
    qstr_from_strn("\\", 1);
    kernel_modules();
    mp_obj_t import_args[] = { MP_OBJ_NEW_QSTR(MP_QSTR_board) };
    mp_builtin___import__(1, import_args);
    kernel_seal();
}

FOR_WIRING static void wire_now(void) {
    kernel_printf("Adder %s on %s\n", ADDER_VERSION, BOARD_TITLE);
    wiring_begins();
    wire();
    wiring_is_over();
}

extern const char kernel_frozen_names[];
extern const uint8_t kernel_frozen_name_lengths[];
extern const mp_frozen_module_t *const kernel_frozen_mpy_content[];
extern const frozen_function_t wiring_functions[];
extern const char wiring_function_texts[];

DATA_FOR_WIRING const wiring_t wiring = {
    .wire = wire_now,
    .frozen = { kernel_frozen_names, kernel_frozen_name_lengths, kernel_frozen_mpy_content },
    .functions = wiring_functions, .function_texts = wiring_function_texts,
};

// The same by what the build has wired: wired_fill_ram() has put all variables to where they were when it was over.
static void wire_from_flash(void) {
    wired_write_registers();
    interrupt_unmask_all();
}

int main(void) {
    static uint8_t attempts __attribute__((section(".data"))) = 0; // not cleared between them
    board_flash_begin();
    python_enter_kernel();
    mpu_init();
    uint8_t *const volatile *bounds = memory_bounds; // not what the compiler has seen
    mp_cstack_init_with_top(&_stack_top, &_stack_top - bounds[2]);
    heap_init(bounds[0], bounds[1]);
    mp_pystack_init(pystack, &pystack[MP_ARRAY_SIZE(pystack)]);
    MP_STATE_THREAD(nlr_top) = NULL;
    tick_begin();

    contain_last_try = attempts == ATTEMPTS - 1;
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        if (is_wired()) {
            wire_from_flash();
        } else {
            _wired.wiring->wire();
        }
        contain_start_all();
        if (!loader_taken) {
            loader_load_all();
        }
        kernel_log_wake();
        nlr_pop();
        schedule_start();
    }
    kernel_log_panic(crash_screen_put);
    mp_obj_print_exception(&kernel_print, MP_OBJ_FROM_PTR(nlr.ret_val));
    if (!is_memory_error(nlr.ret_val) || ++attempts == ATTEMPTS) {
        if (attempts == ATTEMPTS) {
            kernel_panic("the board could not be wired: a heap of %u bytes is too small", (unsigned)(&_heap_end - &_heap_start));
        }
        kernel_panic("the board could not be wired");
    }
    kernel_printf("kernel: the board could not be wired; trying again\n");
    return 0; // to startup.c
}

// Where the kernel's objects are referred to from, besides its Python state.
void kernel_collect_roots(void) {
    driver_collect_roots();
    contain_collect_roots();
    buffer_collect_roots();
    mmio_collect_roots();
    wired_collect_roots();
    gc_collect_root((void **)interrupt_handlers, INTERRUPT_LINES);
    for (unsigned i = 0; i < CONFIG_MAX_PROCESSES; i++) {
        if (processes[i]->state != PROCESS_UNUSED) {
            gc_collect_root((void **)&processes[i]->id_object, 1 + MAX_DRIVERS); // and entries[]
        }
    }
}
_Static_assert(offsetof(process_t, entries) == offsetof(process_t, id_object) + sizeof(mp_obj_t), "scanned together");
