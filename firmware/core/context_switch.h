// The context switch: see context_switch.S.

#ifndef ADDER_CORE_CONTEXT_SWITCH_H
#define ADDER_CORE_CONTEXT_SWITCH_H

#include "arch/cortex_m4/registers.h"
#include "core/process.h"
#include "core/running.h"
#include "py/mpstate.h"

#define EXC_RETURN_THREAD_PSP (0xfffffffdu) // to thread mode, process stack, no FP frame (B1.5.8)

// Before the CPU returns to the current process, do the kernel's deferred work and choose again.
static inline void context_switch_request(void) {
    SCB_ICSR = ICSR_PENDSVSET;
}

// The frame of a process that is not in the CPU, or of the one whose system call this is.
// Safety: the hardware has stacked the frame with the rights of the process, and it was in its own RAM when it began to sleep
// there (kernel/syscall.c).
static inline exception_frame_t *context_frame(const process_t *process) {
    if (process == current_process) {
        uint32_t psp;
        __asm volatile ("mrs %0, psp" : "=r" (psp));
        return (exception_frame_t *)psp;
    }
    return (exception_frame_t *)process->psp;
}

// The kernel's Python may run between these two: r9 points to its interpreter's state, and then to
// whatever the process had there.
static inline mp_state_ctx_t *python_enter_kernel(void) {
    mp_state_ctx_t *before = mp_state_ctx_register;
    mp_state_ctx_register = &kernel_python_state;
    return before;
}

static inline void python_leave_kernel(mp_state_ctx_t *before) {
    mp_state_ctx_register = before;
}

// What the CPU holds of this process is void: it ends, or starts from the beginning.
static inline void context_discard(process_t *process) {
    if (process == current_process) {
        current_process = NULL;
        context_switch_request();
    }
}

#endif
