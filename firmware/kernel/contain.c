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
#include "py/objfun.h"
#include "py/objstr.h"
#include "py/objtype.h"
#include "py/runtime.h"

#define REPORTED (8)        // so many failures of a capsule are reported; then only each 16th, 32nd, 64th, ...
#define LONGEST_TEXT (120)  // of an exception's message
#define BUDGET_TICKS (CONFIG_CAPSULE_BUDGET_MS * 1000 / CONFIG_TIME_SLICE_US + 1) // the first one comes at any time
#define LATE_FAILURES (8)   // in a row, until a deferred call is not tried again

// What has to be left of the stack when one capsule's code begins for another: for a client's, and for shared code, which
// calls no client, and may say that it needs less. tests/adversarial/test_exhaustion.py measures what they take. Of
// bytecode's stack it is so many times less.
#define CLIENT_STACK (2048)
#define CLIENT_SHARE (3)
#define SHARED_STACK (1280)
#define SHARED_SHARE (4)

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
uint8_t contain_reporter;
static bool in_own_work; // whose calls are one round: the kernel's line is one, however many have asked for it
static uint8_t payer;    // whose account pays, if that is not who runs: shared code, and reports of a failure
static uint8_t caller;   // of the shared code that runs
static uint16_t spent;   // ticks of the call of shared code that is under way
static unsigned own_line;

// -- Where an exception came from ---------------------------------------------

// Machine code adds nothing to an exception's traceback, as bytecode does. So its frames are looked for on the stack when it
// is raised.
extern const char frozen_function_texts[];
extern const frozen_function_t frozen_functions[];
extern uint8_t _frozen_code_start, _frozen_code_end, _wiring_code_start, _wiring_code_end, _stack_top;

#define TRACE_LENGTH (6) // the innermost, and in the last place the outermost

#define traced heap_watched // the exception
static struct { uint32_t address, stack; } trace[TRACE_LENGTH]; // in which function, and where its frame is
static unsigned trace_length;

// Of what only wires the board: there is none in a kernel that was wired when it was built.
static bool in_wiring_code(uint32_t address) {
    return address - (uint32_t)&_wiring_code_start < (uint32_t)(&_wiring_code_end - &_wiring_code_start);
}

static bool in_frozen_code(uint32_t address) {
    return address - (uint32_t)&_frozen_code_start < (uint32_t)(&_frozen_code_end - &_frozen_code_start) || in_wiring_code(address);
}

static const frozen_function_t *function_at(uint32_t address) {
    const frozen_function_t *found = NULL, *one = in_wiring_code(address) ? _wired.wiring->functions : frozen_functions;
    for (; one->code != NULL; one++) {
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

static void note(uint32_t address, const uint32_t *stack) {
    trace_length -= trace_length == TRACE_LENGTH;
    trace[trace_length].address = address;
    trace[trace_length++].stack = (uint32_t)stack;
}

// Where the frame of the function that `word` returns to, and which would begin at `stack`, has the return address of that
// function's own caller; NULL if there is none: then this is no return address, or it lies where no frame is any more.
static const uint32_t *link_of(uint32_t word, const uint32_t *stack) {
    if (!in_frozen_code(word) || !crash_screen_is_return_address(word)) {
        return NULL;
    }
    const uint8_t *entry = entry_of(function_at(word));
    const uint32_t *link = stack + local_words(entry) + pushed_words(entry) - 1;
    return link < (const uint32_t *)&_stack_top && crash_screen_is_return_address(*link) ? link : NULL;
}

// Of two frames with the same end one is left from an earlier call. Nobody knows which, so neither is shown.
static bool is_ambiguous(const uint32_t *stack, const uint32_t *link) {
    for (; stack < link; stack++) {
        if (link_of(*stack, stack + 1) == link) {
            return true;
        }
    }
    return false;
}

// Note the function that `word` returns to, whose frame begins at `stack`, and its callers as long as they are machine code.
// Returns what comes above these frames; `stack`, if there is none.
static const uint32_t *trace_frames(uint32_t word, const uint32_t *stack) {
    for (const uint32_t *link; (link = link_of(word, stack)) != NULL;) {
        note(word, stack);
        if (is_ambiguous(stack, link)) {
            trace_length = 0; // nor is it known who was called from there
        }
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
        stack = in_frozen_code(word) ? trace_frames(word, stack) : stack; // few are: the others cost no call
    }
}

void contain_note_raise(const void *exception) {
    if (exception != traced) { // not the same one, raised on
        traced = exception;
        trace_length = 0;
        trace_from(__builtin_frame_address(0));
    }
}

mp_obj_t contain_called;

// The traceback begins with the function that was called: a frame of machine code outside of that is left from an earlier call.
// `bytecode` is where the outermost frame of bytecode lies.
static void leave_out_what_is_outside(size_t bytecode) {
    const mp_obj_fun_bc_t *function = MP_OBJ_TO_PTR(contain_called);
    if (function == NULL) {
        return;
    }
    const frozen_function_t *begin = in_frozen_code((uint32_t)function->bytecode) ? function_at(((uint32_t)function->bytecode | 1) + 4) : NULL;
    unsigned length = trace_length;
    while (length != 0 && (begin != NULL ? function_at(trace[length - 1].address) != begin : trace[length - 1].stack > bytecode)) {
        length--;
    }
    trace_length = begin != NULL && length == 0 ? trace_length : length;
}

// Not mp_obj_print_exception: the arguments of an exception are a capsule's, and printing an object
// that holds itself many times over takes for ever.
static void report(mp_obj_t exception) {
    kernel_printf("Traceback (most recent call last):\n");
    size_t count, *values; // of bytecode's frames: file, place (port/modes.c), function; the innermost first
    mp_obj_exception_get_traceback(exception, &count, &values);
    const frozen_function_t *last = NULL;
    leave_out_what_is_outside(count >= 3 ? values[count - 2] : UINT32_MAX);
    for (unsigned i = trace_length; i != 0 || count >= 3;) {
        if (count >= 3 && (i == 0 || values[count - 2] > trace[i - 1].stack)) {
            kernel_printf("  File \"%q\", in %q\n", (qstr)values[count - 3], (qstr)values[count - 1]);
            count -= 3;
            last = NULL;
            continue;
        }
        uint32_t address = trace[--i].address;
        const frozen_function_t *function = function_at(address);
        if (function != NULL && function != last) {
            const char *texts = in_wiring_code(address) ? _wired.wiring->function_texts : frozen_function_texts;
            kernel_printf("  File \"%s\", in %s\n", texts + function->file, texts + function->name);
        }
        last = function;
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

static void clear_time_out(void) {
    time_out = (mp_obj_exception_t) { .base = { &mp_type_TimeOut }, .args = (mp_obj_tuple_t *)&mp_const_empty_tuple_obj };
}

// `traced` says whether it is under way: contain_failed() forgets that.
// Safety: only reads. In machine code the frame of a function is what the build has seen it to be (adder/verify_image).
static void prepare_time_out(const exception_frame_t *frame) {
    clear_time_out();
    traced = &time_out;
    trace_length = 0;
    const uint32_t *stack = (const uint32_t *)(frame + 1) + (frame->psr >> 9 & 1); // B1.5.7: a word for its alignment
    uint32_t link = frame->lr; // of a function that has not stacked it
    if (in_frozen_code(frame->pc)) {
        const uint8_t *pc = (const uint8_t *)frame->pc, *entry = entry_of(function_at(frame->pc | 1));
        note(frame->pc | 1, stack);
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

static bool is_off(unsigned capsule) {
    return capsules[capsule].policy == CONTAIN_OFF;
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
    spent += spent < UINT16_MAX;
    charged[capsule / 32] |= 1u << capsule % 32;
}

// Shared code takes its caller's time, but each call has a whole budget, whatever that has left: it is cut short for what
// it has wasted itself.
static bool is_time_out(void) {
    return contain_running != CONTAIN_KERNEL && (payer != CONTAIN_KERNEL ? spent : capsules[contain_running].ticks) > BUDGET_TICKS;
}

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
static void check_room(size_t stack, unsigned share) {
    size_t taken = MP_STATE_THREAD(stack_top) - (char *)__builtin_frame_address(0);
    size_t frames = MP_STATE_THREAD(pystack_end) - MP_STATE_THREAD(pystack_cur);
    if (taken + stack > MP_STATE_THREAD(stack_limit) || frames < stack / share) {
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
    if (before == CONTAIN_KERNEL && !in_own_work) {
        contain_round = false;
    } else if (over(capsule)) {
        return false; // it has failed already in this round, for that reason, or has had its time
    }
    if (is_off(capsule)) {
        return false; // others may keep what it has handed in
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
    contain_called = bound_method_function(function);
    contain_failed(capsule, MP_OBJ_FROM_PTR(nlr.ret_val), where, number);
    back_to(before, payer_before);
    return false;
}

// Who hands in is who has called: the caller of the shared code that asks, or else who runs. The method gets another type,
// which says that; so a callback costs no memory. One that was kept since wiring lies in flash: it has that type if it was
// handed in then, and can be handed in again.
static mp_obj_t callback(mp_obj_t method) {
    mp_obj_base_t *object = MP_OBJ_TO_PTR(method);
    unsigned hands_in = payer != CONTAIN_KERNEL ? caller : contain_running;
    if (bound_method_self(method) == NULL || heap_owner(object) != hands_in) {
        mp_raise_TypeError(MP_ERROR_TEXT("a method of one's own making is needed"));
    }
    if (object->type != &callback_type) {
        if (!heap_has(object)) {
            mp_raise_TypeError(MP_ERROR_TEXT("a method kept since wiring must have been handed in then"));
        }
        object->type = &callback_type;
    }
    return method;
}
MP_DEFINE_CONST_FUN_OBJ_1(contain_callback_obj, callback);

// Whose a callback is: it belongs to who has handed it in, whatever it is a method of. What the board has handed in is its
// object's maker's.
static unsigned owner_of(mp_obj_t callback) {
    unsigned owner = CONTAIN_KERNEL;
    if (mp_obj_is_type(callback, &callback_type)) {
        owner = heap_owner(MP_OBJ_TO_PTR(callback));
        if (owner == CONTAIN_KERNEL) {
            owner = heap_owner(bound_method_self(callback));
        }
    }
    return owner != CONTAIN_KERNEL ? owner : contain_running; // what is no callback is one's own affair
}

// One's own is called as any method: what fails there, the caller of both calls again.
static mp_obj_t call_client(size_t n_args, const mp_obj_t *args) {
    check_room(CLIENT_STACK, CLIENT_SHARE);
    if (args[0] == mp_const_none) {
        return mp_const_false;
    }
    unsigned owner = owner_of(args[0]);
    if (owner == contain_running && owner != CONTAIN_KERNEL && payer == CONTAIN_KERNEL) {
        method_call(args[0], n_args - 1, args + 1);
        return mp_const_true;
    }
    mp_obj_t result;
    return mp_obj_new_bool(contain_call(owner, args[0], n_args - 1, args + 1, "a callback with arguments:", n_args - 1, &result));
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(contain_call_client_obj, 1, 4, call_client);

// -- Code that several call ----------------------------------------------------

typedef struct {
    mp_obj_base_t base;
    mp_obj_t method;
    uint8_t owner;
    uint16_t stack;
} shared_t;

// What the caller gets when shared code was ended, or is off: that failure is another's, and has been reported.
static mp_obj_exception_t not_served;
static bool excused;

static __attribute__((noreturn)) void raise_not_served(void) {
    not_served = (mp_obj_exception_t) { .base = { &mp_type_RuntimeError }, .args = (mp_obj_tuple_t *)&mp_const_empty_tuple_obj };
    traced = NULL;
    excused = true;
    nlr_jump(&not_served);
}

static MP_NOINLINE mp_obj_t call_for_another(const shared_t *self, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    unsigned before = contain_running, payer_before = payer, caller_before = caller, spent_before = spent;
    unsigned pays = payer_before != CONTAIN_KERNEL ? payer_before : before;
    mp_obj_t result;
    nlr_buf_t nlr;
    spent = 0;
    if (nlr_push(&nlr) == 0) {
        caller = before;
        back_to(self->owner != CONTAIN_KERNEL ? self->owner : before, pays); // the board's has no account
        result = mp_call_function_n_kw(self->method, n_args, n_kw, args);
        nlr_pop();
    } else {
        result = MP_OBJ_NULL;
    }
    if (result == MP_OBJ_NULL && nlr.ret_val == &time_out) { // it has wasted a budget of its own
        capsules[pays].ticks -= MIN(spent, capsules[pays].ticks); // not the caller's
        spent = 0;
        back_to(CONTAIN_KERNEL, before);
        contain_failed(self->owner, MP_OBJ_FROM_PTR(&time_out), "code that others call", 0);
    }
    back_to(before, payer_before);
    caller = caller_before;
    spent += spent_before;
    if (payer_before == CONTAIN_KERNEL ? over(before) : spent > BUDGET_TICKS) {
        clear_time_out(); // the caller's, which was put off
        traced = NULL;
        raise_time_out();
    }
    if (result == MP_OBJ_NULL) {
        if (nlr.ret_val == &time_out) {
            raise_not_served();
        }
        nlr_jump(nlr.ret_val);
    }
    return result;
}

// Apart from the above: a refusal's traceback must not go through that large frame before anything has been written to it,
// where earlier calls' frames lie as they were.
static mp_obj_t shared_call(mp_obj_t self_in, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    const shared_t *self = MP_OBJ_TO_PTR(self_in);
    mp_cstack_check(); // also for a time-out that is the caller's
    if (contain_running == self->owner || contain_running == CONTAIN_KERNEL) {
        return mp_call_function_n_kw(self->method, n_args, n_kw, args);
    }
    if (is_off(self->owner)) {
        raise_not_served();
    }
    check_room(self->stack, SHARED_SHARE);
    return call_for_another(self, n_args, n_kw, args);
}

static MP_DEFINE_CONST_OBJ_TYPE(shared_type, MP_QSTR_shared, MP_TYPE_FLAG_NONE, call, shared_call);

static mp_obj_t shared(size_t n_args, const mp_obj_t *args) {
    const void *object = bound_method_self(args[0]);
    if (object == NULL || heap_owner(object) != contain_running) {
        mp_raise_TypeError(MP_ERROR_TEXT("a method of an object of one's own is needed"));
    }
    shared_t *self = mp_obj_malloc(shared_t, &shared_type);
    self->method = args[0];
    self->owner = contain_running;
    self->stack = n_args > 1 ? mp_obj_get_int_truncated(args[1]) : SHARED_STACK;
    return MP_OBJ_FROM_PTR(self);
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(contain_shared_obj, 1, 2, shared);

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
    contain_round = false;
    in_own_work = true;
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
    in_own_work = false;
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

qstr contain_speaker(void) {
    return contain_running == CONTAIN_KERNEL || contain_running == contain_reporter ? MP_QSTRnull : capsules[contain_running].name;
}

// -- Policy -------------------------------------------------------------------

static void disable(unsigned index) {
    capsule_t *capsule = &capsules[index];
    interrupt_disable_all_of(index);
    forget_deferred(index);
    if (capsule->driver != CONTAIN_NO_DRIVER) {
        drivers[capsule->driver].entry = NULL;
    }
    capsule->policy = CONTAIN_OFF;
    kernel_printf("kernel: capsule %q is off\n", (qstr)capsule->name);
}

void contain_failed(unsigned index, mp_obj_t exception, const char *where, unsigned number) {
    contain_leave(); // also of a time-out that came once more
    tick_normal();
    if (excused && exception == MP_OBJ_FROM_PTR(&not_served)) {
        excused = false;
        return;
    }
    capsule_t *capsule = &capsules[index];
    capsule->failures++;
    bool loud = capsule->failures <= REPORTED || (capsule->failures & (capsule->failures - 1)) == 0;
    if (loud) {
        kernel_printf("kernel: capsule %q failed in %s %u (failure %u)\n", (qstr)capsule->name, where, number, (unsigned)capsule->failures);
        report(exception);
    }
    traced = NULL;
    trace_length = 0;
    contain_called = MP_OBJ_NULL;
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
    if (good && !is_off(index)) { // one of its callbacks may have failed
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
    if (!good || is_off(index)) {
        return MP_OBJ_NULL;
    }
    if (capsule->driver != CONTAIN_NO_DRIVER && !driver_serve(capsule->driver, made, index)) {
        kernel_printf("kernel: capsule %q has no method for commands\n", (qstr)capsule->name);
        capsule->failures++;
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
    mp_obj_t made = make(index);
    if (policy != CONTAIN_RESTART) {
        capsules[index].recipe = MP_OBJ_NULL; // it has done all that it is for
    }
    return made;
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
    capsules[CONTAIN_KERNEL].name = MP_QSTR_board; // what has no other maker
    own_line = interrupt_reserve(MP_OBJ_FROM_PTR(&own_work_obj));
}

void contain_collect_roots(void) {
    for (unsigned i = 1; i <= capsule_count; i++) {
        gc_collect_root((void **)&capsules[i].recipe, 2); // and .object
    }
    gc_collect_root((void **)&time_out.traceback_data, 1);
    gc_collect_root((void **)&no_memory.traceback_data, 1);
    gc_collect_root((void **)&not_served.traceback_data, 1);
    gc_collect_root((void **)&first_deferred, 1);
}
