// Faults: of processes, which are reported and left to a policy, and of the kernel, which end it.

#ifndef ADDER_KERNEL_FAULT_H
#define ADDER_KERNEL_FAULT_H

// Write a last message and stop.
void kernel_panic(const char *format, ...) __attribute__((noreturn));

// Raise this software line when a process has faulted or ended.
void fault_notify(unsigned line);

// One has.
void fault_tell(void);

#endif
