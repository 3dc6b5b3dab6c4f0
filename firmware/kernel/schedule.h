// Which process runs.

#ifndef ADDER_KERNEL_SCHEDULE_H
#define ADDER_KERNEL_SCHEDULE_H

#include "core/process.h"

// Tell the scheduler that a process's state has changed.
void schedule_update(process_t *process);

extern uint32_t ready_processes;      // one bit a slot
extern unsigned schedule_rounds_line; // the software line that the kernel's loop raises now and then; 0: none

// Let the processes run, for ever.
void schedule_start(void) __attribute__((noreturn));

#endif
