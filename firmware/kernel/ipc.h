// IPC between processes: the part that touches memory.

#ifndef ADDER_KERNEL_IPC_H
#define ADDER_KERNEL_IPC_H

#include "kernel/process.h"

// Commands 2 to 6 of the IPC driver, for driver_t.core_command.
bool ipc_command(process_t *process, exception_frame_t *frame);

// Fill in an IPC upcall that `process` is about to receive: function, length and address of the
// buffer, to which it gets access.
void ipc_resolve(process_t *process, upcall_t *upcall);

// `process` has touched `address` and may not. True if that is shared with it, and now it may: more can be shared with a
// process than it has MPU regions for.
bool ipc_reach(process_t *process, uint32_t address);

#endif
