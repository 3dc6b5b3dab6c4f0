// Containment: see contain.h.

#include <string.h>

#include "core/grant.h"
#include "core/heap.h"
#include "core/interrupt.h"
#include "core/wired.h"
#include "kernel/driver.h"
#include "kernel/contain.h"
#include "kernel/crash_screen.h"
#include "kernel/log.h"
#include "kernel/seal.h"
#include "kernel/tick.h"
#include "py/cstack.h"
#include "py/gc.h"
#include "py/objexcept.h"
#include "py/objstr.h"
#include "py/objtype.h"
#include "py/runtime.h"

#define REPORTED (8)        // so many failures of a capsule are reported; then only each 16th, 32nd, 64th, ...
#define LONGEST_TEXT (120)  // of an exception's message
#define BUDGET_TICKS (CONFIG_CAPSULE_BUDGET_MS * 1000 / CONFIG_TIME_SLICE_US + 1) // the first one comes at any time
#define LATE_FAILURES (8)   // in a row, until a deferred call is not tried again

// What has to be left of the stacks when one capsule's code begins for another: for a client's, and for shared code, which
// calls no client. tests/adversarial/test_exhaustion.py measures what they take.
#define CLIENT_STACK (2048)
#define CLIENT_PYSTACK (640)
#define SHARED_STACK (1280)
#define SHARED_PYSTACK (320)

typedef struct {
    mp_obj_t recipe;
    mp_obj_t object; // which has a method `start`; MP_OBJ_NULL if what the recipe makes has none
    uint32_t failures;
    uint16_t name;
    uint16_t ticks; // of SysTick while its code ran in this round: its account
    uint8_t driver;
    uint8_t policy;
    uint8_t restarts;
    bool restart_due;
} capsule_t;

_Static_assert(offsetof(capsule_t, object) == sizeof(mp_obj_t), "scanned together");

static capsule_t capsules[CONFIG_MAX_CAPSULES] = {};
WIRE_FACTS = {
    { "capsule", sizeof(capsule_t) }, { "capsule.name", offsetof(capsule_t, name) }, { "capsule.failures", offsetof(capsule_t, failures) },
};
static uint8_t capsule_count; // [0] is the kernel
static uint32_t charged[(CONFIG_MAX_CAPSULES + 31) / 32]; // one bit for each whose ticks are not 0

bool contain_round;
bool contain_last_try;
static uint8_t payer; // whose account pays, if that is not who runs: shared code, and reports of a failure
static unsigned own_line;

// -- Where an exception came from ---------------------------------------------

// Machine code adds nothing to an exception's traceback, as bytecode does. So its frames are looked for on the stack when it
// is raised; the build lists all functions of machine code (adder/build/freeze.py).
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

// Such a function begins with push {..., lr} and sub sp, #n, and has this frame to its end: the build has seen to that
// (adder/verify_image). The native emitter puts an offset before it.
#define PUSH_LR (0xb5) // << 8; ARMv7-M A7.7.101, encoding T1: the lower bits are the other registers
#define POP_PC (0xbd)  // << 8; A7.7.99, encoding T1

static const uint8_t *entry_of(const frozen_function_t *function) {
    return function->code + (function->code[1] != PUSH_LR && function->code[5] == PUSH_LR ? 4 : 0);
}

static unsigned pushed_words(const uint8_t *entry) {
    return __builtin_popcount(entry[0]) + 1;
}

static unsigned local_words(const uint8_t *entry) {
    return entry[2] & 0x7f;
}

static void note(uint32_t address) {
    trace_length -= trace_length == TRACE_LENGTH;
    trace[trace_length++] = address;
}

// Note the function that `word` returns to, whose frame begins at `stack`, and its callers as long as they are machine code.
// A word is such a return address only if a whole frame lies there, at whose end is the return address of the function's
// own caller. Returns what comes above these frames; `stack`, if there is none.
static const uint32_t *trace_frames(uint32_t word, const uint32_t *stack) {
    while (in_frozen_code(word) && crash_screen_is_return_address(word)) {
        const uint8_t *entry = entry_of(function_at(word));
        const uint32_t *link = stack + local_words(entry) + pushed_words(entry) - 1;
        if (link >= (const uint32_t *)&_stack_top || !crash_screen_is_return_address(*link)) {
            break;
        }
        note(word);
        word = *link;
        stack = link + 1;
    }
    return stack;
}

// Between functions of machine code there may be C, which has its return address at the top of its frame, and below it
// what nobody knows.
static void trace_from(const uint32_t *stack) {
    while (stack < (const uint32_t *)&_stack_top) {
        uint32_t word = *stack++;
        stack = trace_frames(word, stack);
    }
}

void contain_note_raise(const void *exception) {
    if (exception != traced) { // not the same one, raised on
        traced = exception;
        trace_length = 0;
        trace_from(__builtin_frame_address(0));
    }
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
        kernel_printf("  File \"%q\", in %q\n", (qstr)values[count - 3], (qstr)values[count - 1]);
    }
    kernel_printf("%q", (qstr)mp_obj_get_type(exception)->name);
    mp_obj_t value = mp_obj_exception_get_value(exception);
    if (mp_obj_is_str(value)) {
        size_t length;
        const char *text = mp_obj_str_get_data(value, &length);
        kernel_printf(": ");
        kernel_log_words(text, MIN(length, LONGEST_TEXT));
    } else if (mp_obj_is_small_int(value)) {
        kernel_printf(": %d", (int)MP_OBJ_SMALL_INT_VALUE(value));
    }
    kernel_printf("\n");
}

// -- No memory ----------------------------------------------------------------

// There already, and without a text: who is short of memory then needs neither any of it nor much of the stack.
static mp_obj_exception_t no_memory;

void contain_no_memory(void) {
    no_memory = (mp_obj_exception_t) { .base = { &mp_type_MemoryError }, .args = (mp_obj_tuple_t *)&mp_const_empty_tuple_obj };
    traced = NULL; // it may be raised anew before it was reported
    nlr_jump(&no_memory);
}

// -- The time budget ----------------------------------------------------------

// Not an Exception: a capsule cannot catch it.
MP_DEFINE_EXCEPTION(TimeOut, BaseException)
static mp_obj_exception_t time_out;

// `traced` says whether it is under way: contain_failed() forgets that.
// Safety: only reads. In machine code the frame of a function is what the build has seen it to be (adder/verify_image).
static void prepare_time_out(const exception_frame_t *frame) {
    time_out = (mp_obj_exception_t) { .base = { &mp_type_TimeOut }, .args = (mp_obj_tuple_t *)&mp_const_empty_tuple_obj };
    traced = &time_out;
    trace_length = 0;
    const uint32_t *stack = (const uint32_t *)(frame + 1) + (frame->psr >> 9 & 1); // B1.5.7: a word for its alignment
    uint32_t link = frame->lr; // of a function that has not stacked it
    if (in_frozen_code(frame->pc)) {
        const uint8_t *pc = (const uint8_t *)frame->pc, *entry = entry_of(function_at(frame->pc | 1));
        note(frame->pc | 1);
        if (pc != entry) {
            stack += pushed_words(entry) + (pc == entry + 2 || pc[1] == POP_PC ? 0 : local_words(entry));
            link = stack[-1];
        }
    }
    trace_from(trace_frames(link, stack));
}

// Safety: entered in place of the next instruction of a capsule's machine code, on its stack. Between
// any two instructions of its own such code holds nothing but its locals.
static __attribute__((noreturn)) void raise_time_out(void) {
    kernel_python_state.thread.mp_pending_exception = MP_OBJ_NULL;
    nlr_jump(&time_out);
}

static bool over(unsigned capsule) {
    return contain_round && capsules[capsule].ticks > BUDGET_TICKS;
}

// The tick is charged to whoever it finds.
static void charge(unsigned capsule) {
    if (!contain_round) {
        contain_round = true;
        for (unsigned word = 0; word < MP_ARRAY_SIZE(charged); word++) {
            for (; charged[word] != 0; charged[word] &= charged[word] - 1) {
                capsules[32 * word + __builtin_ctz(charged[word])].ticks = 0;
            }
        }
    }
    capsules[capsule].ticks += capsules[capsule].ticks < UINT16_MAX;
    charged[capsule / 32] |= 1u << capsule % 32;
}

// Shared code has another whole budget, so that it is not cut short because its caller has used up the first.
static bool is_time_out(void) {
    return contain_running != CONTAIN_KERNEL
        && capsules[payer != CONTAIN_KERNEL ? payer : contain_running].ticks > (payer != CONTAIN_KERNEL ? 2 : 1) * BUDGET_TICKS;
}
_Static_assert(2 * BUDGET_TICKS < UINT16_MAX, "a capsule's ticks are counted in 16 bits");

// Where the interpreter's C is, an exception could leave a table half changed. The interpreter itself
// raises a pending exception at the next jump back in bytecode, or the next call (port/modes.c). Machine
// code does not look: it is sent to raise_time_out, and when the tick finds it in a function of C, soon
// looked for again.
void contain_tick(exception_frame_t *frame) {
    tick_kernel++;
    charge(payer != CONTAIN_KERNEL ? payer : contain_running);
    if (!is_time_out()) {
        tick_normal();
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
    tick_soon();
}

// -- Calls --------------------------------------------------------------------

bool is_memory_error(const void *exception) {
    const mp_obj_base_t *object = exception;
    return mp_obj_is_subclass_fast(MP_OBJ_FROM_PTR(object->type), MP_OBJ_FROM_PTR(&mp_type_MemoryError));
}

// Before anything has changed: raise RuntimeError in the caller if less than this is left.
static void check_room(size_t stack, size_t pystack) {
    size_t taken = MP_STATE_THREAD(stack_top) - (char *)__builtin_frame_address(0);
    size_t frames = MP_STATE_THREAD(pystack_end) - MP_STATE_THREAD(pystack_cur);
    if (taken + stack > MP_STATE_THREAD(stack_limit) || frames < pystack) {
        mp_raise_recursion_depth();
    }
}

// Go back to who ran before. A time-out that was for another's code is forgotten; if this one's is due, too, the tick
// will find that.
static inline void back_to(unsigned running, unsigned pays) {
    payer = pays;
    contain_running = running;
    kernel_python_state.thread.mp_pending_exception = MP_OBJ_NULL;
}

bool contain_call(unsigned capsule, mp_obj_t function, size_t n_args, const mp_obj_t *args, const char *where,
    unsigned number, mp_obj_t *result) {
    unsigned before = contain_running, payer_before = payer;
    if (before == CONTAIN_KERNEL) {
        contain_round = false;
    } else if (over(capsule)) {
        return false; // it has failed already in this round, for that reason
    }
    mp_obj_dict_t *globals = mp_globals_get(), *locals = mp_locals_get();
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        back_to(capsule, CONTAIN_KERNEL);
        *result = method_call(function, n_args, args);
        back_to(before, payer_before);
        nlr_pop();
        mp_globals_set(globals);
        return true;
    }
    back_to(CONTAIN_KERNEL, capsule); // the report is on its account
    mp_globals_set(globals);
    mp_locals_set(locals);
    if (!kernel_sealed && !contain_last_try && is_memory_error(nlr.ret_val)) {
        payer = CONTAIN_KERNEL;
        nlr_jump(nlr.ret_val); // main.c wires the whole board again
    }
    contain_failed(capsule, MP_OBJ_FROM_PTR(nlr.ret_val), where, number);
    back_to(before, payer_before);
    return false;
}

// Whose a callback is: it belongs to who has made the object, that is, to who has handed the method in, whatever it is a
// method of. What the board has handed in is its object's maker's. A plain function is nobody's.
static bool owner_of(mp_obj_t callback, unsigned *owner) {
    const void *self = bound_method_self(callback);
    *owner = mp_obj_is_obj(callback) ? heap_owner(MP_OBJ_TO_PTR(callback)) : CONTAIN_KERNEL;
    if (*owner == CONTAIN_KERNEL && self != NULL) {
        unsigned maker = heap_owner(self);
        *owner = maker != CONTAIN_KERNEL ? maker : contain_running;
    }
    return *owner != CONTAIN_KERNEL || self != NULL;
}

static mp_obj_t call_client(size_t n_args, const mp_obj_t *args) {
    unsigned owner;
    mp_obj_t result;
    check_room(CLIENT_STACK, CLIENT_PYSTACK);
    return mp_obj_new_bool(owner_of(args[0], &owner)
        && contain_call(owner, args[0], n_args - 1, args + 1, "a callback with arguments:", n_args - 1, &result));
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(contain_call_client_obj, 1, 4, call_client);

// -- Code that several call ----------------------------------------------------

typedef struct {
    mp_obj_base_t base;
    mp_obj_t method;
    uint8_t owner;
} shared_t;

static MP_NOINLINE mp_obj_t call_for_another(const shared_t *self, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    unsigned before = contain_running, payer_before = payer;
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        payer = payer_before != CONTAIN_KERNEL ? payer_before : before;
        contain_running = self->owner != CONTAIN_KERNEL ? self->owner : before; // the board's has no account
        mp_obj_t result = mp_call_function_n_kw(self->method, n_args, n_kw, args);
        contain_running = before;
        payer = payer_before;
        nlr_pop();
        if (payer_before == CONTAIN_KERNEL && over(before)) {
            tick_soon(); // for the time-out that was put off
        }
        return result;
    }
    if (nlr.ret_val == &time_out) { // it has wasted a budget of its own
        back_to(CONTAIN_KERNEL, before);
        contain_failed(contain_running, MP_OBJ_FROM_PTR(&time_out), "code that others call", 0);
    }
    payer = payer_before;
    contain_running = before;
    nlr_jump(nlr.ret_val);
}

// Apart from the above: a refusal's traceback must not go through that large frame before anything has been written to it,
// where earlier calls' frames lie as they were.
static mp_obj_t shared_call(mp_obj_t self_in, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    const shared_t *self = MP_OBJ_TO_PTR(self_in);
    if (contain_running == self->owner || contain_running == CONTAIN_KERNEL) {
        mp_cstack_check();
        return mp_call_function_n_kw(self->method, n_args, n_kw, args);
    }
    if (payer == CONTAIN_KERNEL) { // or it is shared code already, which has been promised that
        check_room(SHARED_STACK, SHARED_PYSTACK);
    }
    return call_for_another(self, n_args, n_kw, args);
}

static MP_DEFINE_CONST_OBJ_TYPE(shared_type, MP_QSTR_shared, MP_TYPE_FLAG_NONE, call, shared_call);

static mp_obj_t shared(mp_obj_t method) {
    const void *object = bound_method_self(method);
    if (object == NULL || heap_owner(object) != contain_running) {
        mp_raise_TypeError(MP_ERROR_TEXT("a method of an object of one's own is needed"));
    }
    shared_t *self = mp_obj_malloc(shared_t, &shared_type);
    self->method = method;
    self->owner = contain_running;
    return MP_OBJ_FROM_PTR(self);
}
MP_DEFINE_CONST_FUN_OBJ_1(contain_shared_obj, shared);

// -- Calls that are made later -------------------------------------------------

typedef struct deferred_t {
    mp_obj_base_t base;
    struct deferred_t *next;
    mp_obj_t method;
    uint8_t owner, failures;
    bool pending;
} deferred_t;

static deferred_t *first_deferred;

static mp_obj_t deferred_call(mp_obj_t self_in, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    (void)args;
    mp_arg_check_num(n_args, n_kw, 0, 0, false);
    ((deferred_t *)MP_OBJ_TO_PTR(self_in))->pending = true;
    interrupt_trigger(own_line);
    return mp_const_none;
}

static MP_DEFINE_CONST_OBJ_TYPE(deferred_type, MP_QSTR_deferred, MP_TYPE_FLAG_NONE, call, deferred_call);

static mp_obj_t deferred(mp_obj_t method) {
    if (!contain_wiring) {
        kernel_check_not_sealed();
    }
    deferred_t *self = mp_obj_malloc(deferred_t, &deferred_type);
    *self = (deferred_t) { .base = { &deferred_type }, .next = first_deferred, .method = method, .owner = contain_running };
    first_deferred = self;
    return MP_OBJ_FROM_PTR(self);
}
MP_DEFINE_CONST_FUN_OBJ_1(contain_deferred_obj, deferred);

static void call_deferred(void) {
    for (deferred_t *one = first_deferred; one != NULL; one = one->next) {
        mp_obj_t result;
        if (!one->pending) {
            continue;
        }
        one->pending = false;
        if (contain_call(one->owner, one->method, 0, NULL, "a deferred call,", one->failures + 1, &result)) {
            one->failures = 0;
        } else if (one->owner != CONTAIN_KERNEL && ++one->failures < LATE_FAILURES) {
            one->pending = true; // once more: it may serve several, and one has failed
            interrupt_trigger(own_line);
        }
    }
}

static void forget_deferred(unsigned capsule) {
    for (deferred_t **one = &first_deferred; *one != NULL;) {
        if ((*one)->owner == capsule) {
            *one = (*one)->next;
        } else {
            one = &(*one)->next;
        }
    }
}

// -- Policy -------------------------------------------------------------------

static void disable(unsigned index) {
    capsule_t *capsule = &capsules[index];
    interrupt_disable_all_of(index);
    forget_deferred(index);
    if (capsule->driver != CONTAIN_NO_DRIVER) {
        drivers[capsule->driver].entry = NULL;
    }
    kernel_printf("kernel: capsule %q is off\n", (qstr)capsule->name);
}

void contain_failed(unsigned index, mp_obj_t exception, const char *where, unsigned number) {
    contain_leave(); // also of a time-out that came once more
    tick_normal();
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
        interrupt_trigger(own_line);
    } else if (capsule->policy != CONTAIN_CONTINUE) {
        disable(index);
    }
}

// What is made connects, and no more; what touches the world waits for its `start`, when all are made. What serves a driver
// number is found by its method `command`.
static void note_start(capsule_t *capsule, mp_obj_t made) {
    const void *object = bound_method_self(made);
    capsule->object = object != NULL ? MP_OBJ_FROM_PTR(object) : made;
    mp_obj_t method[2] = {};
    if (mp_obj_is_instance_type(mp_obj_get_type(capsule->object))) {
        mp_load_method_maybe(capsule->object, MP_QSTR_start, method); // of a method it makes no object
    }
    if (method[0] == MP_OBJ_NULL) {
        capsule->object = MP_OBJ_NULL;
    }
}

static mp_obj_t call_start(mp_obj_t object) {
    mp_obj_t method[2];
    mp_load_method(object, MP_QSTR_start, method);
    return mp_call_method_n_kw(0, 0, method);
}
static MP_DEFINE_CONST_FUN_OBJ_1(call_start_obj, call_start);

static bool start_capsule(unsigned index) {
    capsule_t *capsule = &capsules[index];
    if (capsule->object == MP_OBJ_NULL) {
        return true;
    }
    contain_policy_t policy = capsule->policy;
    capsule->policy = CONTAIN_DISABLE; // as for its recipe
    mp_obj_t result;
    bool good = contain_call(index, MP_OBJ_FROM_PTR(&call_start_obj), 1, &capsule->object, "its start, try", capsule->restarts + 1, &result);
    if (good) {
        capsule->policy = policy;
    }
    return good;
}

void contain_start_all(void) {
    for (unsigned i = 1; i <= capsule_count; i++) {
        start_capsule(i);
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
    if (capsule->driver != CONTAIN_NO_DRIVER && !driver_serve(capsule->driver, made, index)) {
        kernel_printf("kernel: capsule %q has no method for commands\n", (qstr)capsule->name);
        disable(index);
        return MP_OBJ_NULL;
    }
    capsule->policy = policy;
    note_start(capsule, made);
    return made;
}

mp_obj_t contain_make(qstr name, mp_obj_t recipe, unsigned driver, contain_policy_t policy) {
    if (capsule_count + 1 >= CONFIG_MAX_CAPSULES) {
        mp_raise_ValueError(MP_ERROR_TEXT("CONFIG_MAX_CAPSULES capsules are there already"));
    }
    unsigned index = ++capsule_count;
    capsules[index] = (capsule_t) { .recipe = recipe, .name = name, .driver = driver, .policy = policy };
    return make(index);
}

static void restart_capsules(void) {
    for (unsigned i = 1; i <= capsule_count; i++) {
        capsule_t *capsule = &capsules[i];
        if (capsule->restart_due) {
            capsule->restart_due = false;
            capsule->restarts++;
            interrupt_disable_all_of(i);
            forget_deferred(i);
            if (capsule->driver != CONTAIN_NO_DRIVER) {
                grant_clear_fields(capsule->driver, &drivers[capsule->driver].shape);
            }
            if (make(i) != MP_OBJ_NULL && start_capsule(i)) {
                kernel_printf("kernel: capsule %q was made again (%u of %u times)\n", (qstr)capsule->name,
                    capsule->restarts, CONFIG_CAPSULE_RESTARTS);
            }
        }
    }
}

static mp_obj_t own_work(void) {
    restart_capsules();
    call_deferred();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(own_work_obj, own_work);

void contain_init(void) {
    own_line = interrupt_reserve(MP_OBJ_FROM_PTR(&own_work_obj));
}

void contain_collect_roots(void) {
    for (unsigned i = 1; i <= capsule_count; i++) {
        gc_collect_root((void **)&capsules[i].recipe, 2); // and .object
    }
    gc_collect_root((void **)&time_out.traceback_data, 1);
    gc_collect_root((void **)&no_memory.traceback_data, 1);
    gc_collect_root((void **)&first_deferred, 1);
}
