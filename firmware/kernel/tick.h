// The tick of the time slice. It limits the time of the kernel's Python as well (kernel/contain.h).

#ifndef ADDER_KERNEL_TICK_H
#define ADDER_KERNEL_TICK_H

#include <stdbool.h>
#include <stdint.h>

extern bool tick_on;
extern uint32_t tick_kernel; // ticks since a process was last let run

void tick_begin(void);
void tick_switch(bool on);

static inline void tick_run(bool on) {
    if (on != tick_on) {
        tick_switch(on);
    }
}

// The next one comes after a few microseconds instead, or at its usual time again.
void tick_soon(void);
void tick_normal(void);

#endif
