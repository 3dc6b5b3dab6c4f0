// Which process runs.

#ifndef ADDER_KERNEL_SCHEDULE_H
#define ADDER_KERNEL_SCHEDULE_H

#include "kernel/process.h"

// Tell the scheduler that a process's state has changed.
void schedule_update(process_t *process);

// Let the processes run, for ever.
void schedule_start(void) __attribute__((noreturn));

#endif
