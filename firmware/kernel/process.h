// Processes: their life.

#ifndef ADDER_KERNEL_PROCESS_H
#define ADDER_KERNEL_PROCESS_H

#include "core/process.h"

// Prepares for processes, once.
void process_init(void);

// Create a process from a program in flash. Returns NULL, with a line on the console, if it can't.
process_t *process_create(const tbf_t *tbf);

void process_restart(process_t *process);
void process_terminate(process_t *process, uint32_t completion_code);
void process_stop(process_t *process);
void process_resume(process_t *process);
const char *process_state_name(const process_t *process);

#endif
