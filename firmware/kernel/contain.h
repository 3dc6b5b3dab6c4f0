// Containment: what goes wrong in a capsule stays there.
//
// A capsule, in this sense, is what one recipe of the board makes. Whenever the kernel calls into it (a
// command, an interrupt's bottom half, the recipe itself), it says so here. An exception, a call that
// takes longer than its budget, or an allocation beyond its share ends that call and nothing else.
//
// A round is what the kernel calls at a time: a command, or one handler, with all that these call in turn. Each
// capsule has an account of time in it, which only its own code uses up; a time-out is raised in the code of the
// capsule whose account is empty, or not at all.
//
// Code that several capsules call (kernel.shared) runs on the time of who calls it, but is never cut short for it: it
// begins only if there is stack for it, and it may finish. Only then is the caller's time-out raised, in the caller.

#ifndef ADDER_KERNEL_CONTAIN_H
#define ADDER_KERNEL_CONTAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/cortex_m4/registers.h"
#include "core/process.h"
#include "core/running.h"
#include "py/mpstate.h"
#include "py/obj.h"

// MicroPython does not tell the compiler so; without it, what is needed after an exception can lose its place on the stack.
unsigned int nlr_push(nlr_buf_t *) __attribute__((returns_twice));

extern bool contain_round;    // some time has been accounted for in this round
extern bool contain_last_try; // while the board is wired: a recipe without memory is not worth another try

typedef enum { CONTAIN_CONTINUE, CONTAIN_RESTART, CONTAIN_DISABLE, CONTAIN_OFF } contain_policy_t; // off is what has been disabled

// Around a round that begins here and may end by an exception. A time-out that comes too late for the call is
// forgotten when that is over.
static inline void contain_enter(unsigned capsule) {
    contain_running = capsule;
    contain_round = false;
}

static inline void contain_leave(void) {
    contain_running = CONTAIN_KERNEL;
    MP_STATE_THREAD(mp_pending_exception) = MP_OBJ_NULL;
}

// Make the capsule `name` by calling recipe(): its result, or MP_OBJ_NULL if that failed, which is
// reported. `driver` is the one that the result, a method, serves.
#define CONTAIN_NO_DRIVER (0xff)
mp_obj_t contain_make(qstr name, mp_obj_t recipe, unsigned driver, contain_policy_t policy);

// All are made: call what has a method `start`, in the order in which they were made. Each is contained, as its recipe is.
void contain_start_all(void);

// Call function(args...): false if it failed, which is reported as "in `where`" with `number`.
bool contain_call(unsigned capsule, mp_obj_t function, size_t n_args, const mp_obj_t *args, const char *where,
    unsigned number, mp_obj_t *result);

// kernel.callback(method): what is handed in to be called by call_client; who calls has made the method.
MP_DECLARE_CONST_FUN_OBJ_1(contain_callback_obj);

// kernel.call_client(callback, ...): call what another capsule has handed in; its failure is that one's.
MP_DECLARE_CONST_FUN_OBJ_VAR_BETWEEN(contain_call_client_obj);

// kernel.shared(method, stack): what others may call in place of the method.
MP_DECLARE_CONST_FUN_OBJ_VAR_BETWEEN(contain_shared_obj);

// kernel.deferred(method): to be called when the method shall be, soon, from the kernel's loop.
MP_DECLARE_CONST_FUN_OBJ_1(contain_deferred_obj);

// The capsule that reports faults, whose lines in the log are the kernel's own; and what the board calls who runs, MP_QSTRnull
// for that one and the kernel.
extern uint8_t contain_reporter;
qstr contain_speaker(void);

bool is_memory_error(const void *exception);

// The function that was called, set before contain_failed() by who knows it: what is outside of it is in no traceback.
extern mp_obj_t contain_called;

// A call ended with this exception: report it and apply the policy.
void contain_failed(unsigned capsule, mp_obj_t exception, const char *where, unsigned number);

// The line of what the kernel itself does later: make capsules again, call what was deferred.
void contain_init(void);

// Raise MemoryError in the kernel's Python.
__attribute__((noreturn)) void contain_no_memory(void);

// An exception is being raised in the kernel's Python: remember from where.
void contain_note_raise(const void *exception);

// From SysTick, above the kernel's priority: the kernel, not a process, was interrupted.
void contain_tick(exception_frame_t *frame);

void contain_collect_roots(void);

#endif
