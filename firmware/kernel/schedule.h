// Which process runs.

#ifndef ADDER_KERNEL_SCHEDULE_H
#define ADDER_KERNEL_SCHEDULE_H

#include "kernel/process.h"

// Tell the scheduler that a process's state has changed.
void schedule_update(process_t *process);

// Set when the process has used up its slice: by SysTick_Handler, or by the clock that runs while the processor sleeps.
extern volatile uint32_t timeslice_expired;

// The time slice's tick comes after a few microseconds instead, or at its usual time again.
void schedule_tick_soon(void);
void schedule_tick_normal(void);

// Ticks since a process was last let run.
extern unsigned schedule_rounds_line; // the software line that the kernel's loop raises now and then; 0: none
extern uint32_t schedule_kernel_ticks;

// The tick runs while the kernel's Python does: its time is limited (kernel/contain.h).
void schedule_tick(bool on);

// Let the processes run, for ever.
void schedule_start(void) __attribute__((noreturn));

#endif
