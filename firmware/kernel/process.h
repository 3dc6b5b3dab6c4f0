// Processes: their life.

#ifndef ADDER_KERNEL_PROCESS_H
#define ADDER_KERNEL_PROCESS_H

#include "core/process.h"

// Prepares for processes, once.
void process_init(void);

// Create a process from a program in flash: at boot, or beside others that run. Returns its slot; if it can't, an
// ERROR_ of abi.h, negative, with a line on the console.
int process_create(const tbf_t *tbf);

// End a process and give back all that it had, so that whoever comes next to its slot, its RAM or its flash inherits
// nothing: not from it, and not what others have shared with it or know of it.
void process_unload(process_t *process);

void process_restart(process_t *process);
void process_terminate(process_t *process, uint32_t completion_code);
void process_stop(process_t *process);
void process_resume(process_t *process);
const char *process_state_name(const process_t *process);

#endif
