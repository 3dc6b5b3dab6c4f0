// IPC between processes: the part that touches memory.

#ifndef ADDER_KERNEL_IPC_H
#define ADDER_KERNEL_IPC_H

#include "core/process.h"

// Commands 2 to 6 of the IPC driver, for driver_t.core_command.
bool ipc_command(process_t *process, exception_frame_t *frame, unsigned driver);

#endif
