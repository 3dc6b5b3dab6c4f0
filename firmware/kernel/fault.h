// Faults: of processes, which are reported and left to a policy, and of the kernel, which end it.

#ifndef ADDER_KERNEL_FAULT_H
#define ADDER_KERNEL_FAULT_H

#include "core/process.h"

// The process has done what it may not, or asks for it: it never runs on by itself.
void process_fault(process_t *process);

// Write a last message and stop.
void kernel_panic(const char *format, ...) __attribute__((noreturn));

// Raise this software line when a process has faulted or ended.
void fault_notify(unsigned line);

// One has.
void fault_tell(void);

#endif
