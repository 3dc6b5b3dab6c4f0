// The loader: from programs in flash to processes.

#ifndef ADDER_KERNEL_LOADER_H
#define ADDER_KERNEL_LOADER_H

// Walk the list of programs in the app flash and create a process for each that is enabled and good.
// A line on the console says what became of each.
void loader_load_all(void);

#endif
