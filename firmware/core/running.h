// Whose code runs, and whether the kernel is still being made. Anybody may ask; containment and the seal alone change it.

#ifndef ADDER_CORE_RUNNING_H
#define ADDER_CORE_RUNNING_H

#include <stdbool.h>
#include <stdint.h>

#include "py/mpstate.h"

#define CONTAIN_KERNEL (0) // the kernel itself: no budget

extern mp_state_ctx_t kernel_python_state; // the kernel's own; a process that runs Python has another

struct process;
extern struct process *current_process;     // whose registers the CPU holds; NULL before the first
extern volatile uint32_t timeslice_expired; // it has used up its slice: SysTick_Handler says so, or the clock that runs in sleep

extern uint8_t contain_running; // the capsule whose code runs
extern bool contain_wiring;     // a recipe runs
extern bool kernel_sealed;      // what the kernel is made of stays as it is

// The interpreter works for the kernel, not for a process.
static inline bool in_kernel(void) {
    return mp_state_ctx_register == &kernel_python_state;
}

#endif
