// Containment: see contain.h.

#include <string.h>

#include "core/allocator.h"
#include "core/heap.h"
#include "core/interrupt.h"
#include "kernel/capsule.h"
#include "kernel/contain.h"
#include "kernel/log.h"
#include "kernel/schedule.h"
#include "kernel/seal.h"
#include "py/cstack.h"
#include "py/gc.h"
#include "py/objexcept.h"
#include "py/objstr.h"
#include "py/runtime.h"

#define NO_DRIVER (0xff)
#define REPORTED (8)        // so many failures of a capsule are reported; then only each 16th, 32nd, 64th, ...
#define MOST_SPARED (8)     // failures of others that cost a caller no time
#define LONGEST_TEXT (120)  // of an exception's message
#define BUDGET_TICKS (CONFIG_CAPSULE_BUDGET_MS * 1000 / CONFIG_TIME_SLICE_US + 1) // the first one comes at any time

typedef struct {
    mp_obj_t recipe;
    uint32_t failures;
    uint16_t name;
    uint8_t driver;
    uint8_t policy;
    uint8_t restarts;
    bool restart_due;
} capsule_t;

static capsule_t capsules[CONFIG_MAX_CAPSULES] = {};
static uint8_t capsule_count; // [0] is the kernel

uint8_t contain_running;
uint32_t contain_ticks;
bool contain_wiring;
bool contain_last_try;
uint32_t contain_spared;
static unsigned restart_line;

// -- Where an exception came from ---------------------------------------------

// Machine code adds nothing to an exception's traceback, as bytecode does. So the return addresses on
// the stack are noted when it is raised; the build lists all functions of machine code (adder/freeze.py).
typedef struct {
    const uint8_t *code;
    uint16_t file, function; // where their names are in frozen_function_texts
} frozen_function_t;

extern const char frozen_function_texts[];
extern const frozen_function_t frozen_functions[];
extern const size_t frozen_function_count;
extern uint8_t _frozen_code_start, _frozen_code_end, _stack_top;

#define TRACE_LENGTH (6) // the innermost, and in the last place the outermost

static const void *traced; // the exception
static uint32_t trace[TRACE_LENGTH];
static unsigned trace_length;

static bool in_frozen_code(uint32_t address) {
    return address >= (uint32_t)&_frozen_code_start && address < (uint32_t)&_frozen_code_end;
}

static void trace_from(const uint32_t *stack) {
    for (; stack < (uint32_t *)&_stack_top; stack++) {
        if ((*stack & 1) && in_frozen_code(*stack)) {
            trace_length -= trace_length == TRACE_LENGTH;
            trace[trace_length++] = *stack;
        }
    }
}

void contain_note_raise(const void *exception) {
    if (exception != traced) { // not the same one, raised on
        traced = exception;
        trace_length = 0;
        trace_from(__builtin_frame_address(0));
    }
}

static const frozen_function_t *function_at(uint32_t address) {
    const frozen_function_t *found = NULL;
    for (size_t i = 0; i < frozen_function_count; i++) {
        const frozen_function_t *one = &frozen_functions[i];
        if ((uint32_t)one->code < address && (found == NULL || one->code > found->code)) {
            found = one;
        }
    }
    return found;
}

// Not mp_obj_print_exception: the arguments of an exception are a capsule's, and printing an object
// that holds itself many times over takes for ever.
static void report(mp_obj_t exception) {
    kernel_printf("Traceback (most recent call last):\n");
    const frozen_function_t *last = NULL;
    for (unsigned i = trace_length; i-- > 0;) {
        const frozen_function_t *function = function_at(trace[i]);
        if (function != NULL && function != last) {
            kernel_printf("  File \"%s\", in %s\n", frozen_function_texts + function->file,
                frozen_function_texts + function->function);
        }
        last = function;
    }
    size_t count, *values;
    mp_obj_exception_get_traceback(exception, &count, &values);
    for (; count >= 3; count -= 3) {
        kernel_printf("  File \"%q\"", (qstr)values[count - 3]);
        if (values[count - 2] > 1) { // compiled with line numbers
            kernel_printf(", line %u", (unsigned)values[count - 2]);
        }
        kernel_printf(", in %q\n", (qstr)values[count - 1]);
    }
    kernel_printf("%q", (qstr)mp_obj_get_type(exception)->name);
    mp_obj_t value = mp_obj_exception_get_value(exception);
    if (mp_obj_is_str(value)) {
        size_t length;
        const char *text = mp_obj_str_get_data(value, &length);
        kernel_printf(": %.*s", (int)MIN(length, LONGEST_TEXT), text);
    } else if (mp_obj_is_small_int(value)) {
        kernel_printf(": %d", (int)MP_OBJ_SMALL_INT_VALUE(value));
    }
    kernel_printf("\n");
}

// -- The time budget ----------------------------------------------------------

// Not an Exception: a capsule cannot catch it.
MP_DEFINE_EXCEPTION(TimeOut, BaseException)
static mp_obj_exception_t time_out;

// `traced` says whether it is under way: contain_failed() forgets that.
static void prepare_time_out(const exception_frame_t *frame) {
    time_out = (mp_obj_exception_t) { .base = { &mp_type_TimeOut }, .args = (mp_obj_tuple_t *)&mp_const_empty_tuple_obj };
    traced = &time_out;
    trace_length = 0;
    if (in_frozen_code(frame->pc)) {
        trace[trace_length++] = frame->pc | 1;
    }
    trace_from((const uint32_t *)(frame + 1));
}

// Safety: entered in place of the next instruction of a capsule's machine code, on its stack. Between
// any two instructions of its own such code holds nothing but its locals.
static __attribute__((noreturn)) void raise_time_out(void) {
    kernel_python_state.thread.mp_pending_exception = MP_OBJ_NULL;
    nlr_jump(&time_out);
}

// Where the interpreter's C is, an exception could leave a table half changed. The interpreter itself
// raises a pending exception at the next jump back in bytecode, or the next call (port/modes.c). Machine
// code does not look: it is sent to raise_time_out, and when the tick finds it in a function of C, soon
// looked for again.
void contain_tick(exception_frame_t *frame) {
    schedule_kernel_ticks++;
    if (contain_running == CONTAIN_KERNEL) {
        schedule_tick_normal();
        return;
    }
    if (++contain_ticks <= BUDGET_TICKS) {
        return;
    }
    if (traced != &time_out) {
        prepare_time_out(frame);
    }
    mp_sched_exception(MP_OBJ_FROM_PTR(&time_out));
    if (in_frozen_code(frame->pc)) {
        frame->pc = (uint32_t)raise_time_out & ~1u;
        frame->psr &= ~0x0600fc00; // no IT block, no interrupted load multiple (B1.4.2)
    }
    schedule_tick_soon();
}

// -- Calls --------------------------------------------------------------------

bool is_memory_error(const void *exception) {
    const mp_obj_base_t *object = exception;
    return mp_obj_is_subclass_fast(MP_OBJ_FROM_PTR(object->type), MP_OBJ_FROM_PTR(&mp_type_MemoryError));
}

bool contain_call(unsigned capsule, mp_obj_t function, size_t n_args, const mp_obj_t *args, const char *where,
    unsigned number, mp_obj_t *result) {
    unsigned before = contain_running;
    uint32_t ticks_before = contain_ticks;
    mp_obj_dict_t *globals = mp_globals_get(), *locals = mp_locals_get();
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        contain_enter(capsule);
        *result = mp_call_function_n_kw(function, n_args, 0, args);
        contain_running = before;
        contain_ticks += ticks_before; // the caller's time
        nlr_pop();
        return true;
    }
    // What another capsule wastes is not the caller's time, unless that goes on and on; what the same one
    // does, in whatever pieces, is. A time-out that has come twice is not the caller's either.
    contain_running = CONTAIN_KERNEL;
    bool spared = before != capsule && ++contain_spared <= MOST_SPARED;
    contain_ticks = spared ? ticks_before : contain_ticks + ticks_before;
    kernel_python_state.thread.mp_pending_exception = MP_OBJ_NULL;
    mp_globals_set(globals);
    mp_locals_set(locals);
    if (!kernel_sealed && !contain_last_try && is_memory_error(nlr.ret_val)) {
        nlr_jump(nlr.ret_val); // main.c wires the whole board again
    }
    contain_failed(capsule, MP_OBJ_FROM_PTR(nlr.ret_val), where, number);
    contain_running = before;
    return false;
}

static mp_obj_t call_client(size_t n_args, const mp_obj_t *args) {
    mp_cstack_check(); // what is called may call clients in turn, all of it in C
    unsigned owner = contain_running;
    if (mp_obj_is_type(args[0], &mp_type_bound_meth)) {
        unsigned maker = heap_owner(bound_method_self(args[0]));
        owner = maker == CONTAIN_KERNEL ? owner : maker;
    }
    mp_obj_t result;
    return mp_obj_new_bool(contain_call(owner, args[0], n_args - 1, args + 1, "a callback with arguments:", n_args - 1, &result));
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(contain_call_client_obj, 1, 4, call_client);

// -- Policy -------------------------------------------------------------------

static void disable(unsigned index) {
    capsule_t *capsule = &capsules[index];
    interrupt_disable_all_of(index);
    if (capsule->driver != NO_DRIVER) {
        drivers[capsule->driver].entry = NULL;
    }
    kernel_printf("kernel: capsule %q is off\n", (qstr)capsule->name);
}

void contain_failed(unsigned index, mp_obj_t exception, const char *where, unsigned number) {
    contain_running = CONTAIN_KERNEL;
    schedule_tick_normal();
    capsule_t *capsule = &capsules[index];
    capsule->failures++;
    bool loud = capsule->failures <= REPORTED || (capsule->failures & (capsule->failures - 1)) == 0;
    if (loud) {
        kernel_printf("kernel: capsule %q failed in %s %u (failure %u)\n", (qstr)capsule->name, where, number, (unsigned)capsule->failures);
        report(exception);
    }
    traced = NULL;
    trace_length = 0;
    if (capsule->policy == CONTAIN_RESTART && capsule->restarts < CONFIG_CAPSULE_RESTARTS) {
        capsule->restart_due = true;
        interrupt_trigger(restart_line);
    } else if (capsule->policy != CONTAIN_CONTINUE) {
        disable(index);
    }
}

static mp_obj_t make(unsigned index) {
    capsule_t *capsule = &capsules[index];
    contain_policy_t policy = capsule->policy;
    capsule->policy = CONTAIN_DISABLE; // what cannot even be made is not tried again
    mp_obj_t made;
    bool wiring = contain_wiring;
    contain_wiring = true;
    bool good = contain_call(index, capsule->recipe, 0, NULL, "its recipe, try", capsule->restarts + 1, &made);
    contain_wiring = wiring;
    if (!good) {
        return MP_OBJ_NULL;
    }
    if (capsule->driver != NO_DRIVER && !driver_serve(capsule->driver, made, index)) {
        kernel_printf("kernel: capsule %q has no method for commands\n", (qstr)capsule->name);
        disable(index);
        return MP_OBJ_NULL;
    }
    capsule->policy = policy;
    return made;
}

mp_obj_t contain_make(qstr name, mp_obj_t recipe, mp_obj_t grant, contain_policy_t policy) {
    if (capsule_count + 1 >= CONFIG_MAX_CAPSULES) {
        mp_raise_ValueError(MP_ERROR_TEXT("CONFIG_MAX_CAPSULES capsules are there already"));
    }
    uint8_t driver = grant == MP_OBJ_NULL ? NO_DRIVER : grant_driver(grant);
    unsigned index = ++capsule_count;
    capsules[index] = (capsule_t) { .recipe = recipe, .name = name, .driver = driver, .policy = policy };
    return make(index);
}

static mp_obj_t restart_capsules(void) {
    for (unsigned i = 1; i <= capsule_count; i++) {
        capsule_t *capsule = &capsules[i];
        if (capsule->restart_due) {
            capsule->restart_due = false;
            capsule->restarts++;
            interrupt_disable_all_of(i);
            if (capsule->driver != NO_DRIVER) {
                allocator_clear_fields(capsule->driver);
            }
            if (make(i) != MP_OBJ_NULL) {
                kernel_printf("kernel: capsule %q was made again (%u of %u times)\n", (qstr)capsule->name,
                    capsule->restarts, CONFIG_CAPSULE_RESTARTS);
            }
        }
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(restart_capsules_obj, restart_capsules);

void contain_init(void) {
    restart_line = interrupt_reserve_software_line(MP_OBJ_FROM_PTR(&restart_capsules_obj));
}

void contain_collect_roots(void) {
    for (unsigned i = 1; i <= capsule_count; i++) {
        gc_collect_root((void **)&capsules[i].recipe, 1);
    }
    gc_collect_root((void **)&time_out.traceback_data, 1);
}
