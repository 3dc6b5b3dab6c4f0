// Bottom halves: what interrupts have left to be done, in Python.

#ifndef ADDER_KERNEL_BOTTOM_HALF_H
#define ADDER_KERNEL_BOTTOM_HALF_H

// Run the bottom half of each line that is pending now, once.
void bottom_halves_run(void);

#endif
