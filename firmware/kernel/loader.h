// The loader: from programs in flash to processes.

#ifndef ADDER_KERNEL_LOADER_H
#define ADDER_KERNEL_LOADER_H

#include <stdbool.h>
#include <stdint.h>

// Walk the list of programs in the app flash and create a process for each that is enabled and good.
// A line on the console says what became of each.
void loader_load_all(void);

// Load the program whose header is `offset` bytes behind the beginning of the app flash, be it enabled or not, while
// others run. Returns its slot; if it can't, an ERROR_ of abi.h, negative.
int loader_load(uint32_t offset);

// Whether a process has its program, or a part of it, at these addresses.
bool loader_uses(uint32_t start, uint32_t end);

// A capsule has loaded what there was to load.
extern bool loader_taken;

#endif
