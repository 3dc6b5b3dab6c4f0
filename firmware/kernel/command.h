// Commands: calls of capsules on behalf of a process, which cannot fail upwards.

#ifndef ADDER_KERNEL_COMMAND_H
#define ADDER_KERNEL_COMMAND_H

#include "kernel/driver.h"

// Call the driver's command and put the outcome into the frame.
void capsule_command(driver_t *driver, process_t *process, exception_frame_t *frame);

#endif
