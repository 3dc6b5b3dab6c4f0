// The second clock of the time slice, for chips whose SysTick stands still while the processor sleeps.
//
// A process may execute WFI, which needs no privilege. If SysTick alone measured its slice, a loop of WFI would keep the
// processor for hours, while others are ready. So a real-time counter runs beside it, is cleared when a slice begins, and ends
// one that is over by then. It runs only while SysTick does.

#ifndef ADDER_KERNEL_SLEEP_CLOCK_H
#define ADDER_KERNEL_SLEEP_CLOCK_H

#include <stdbool.h>

#include "arch/cortex_m4/registers.h"
#include "memory_map.h"

#ifdef SLEEP_CLOCK_BASE
// nRF52840 Product Specification v1.7, 6.22 "RTC". No driver can reach this one: the manifest has no window onto it.
#define SLEEP_CLOCK_TASK(offset) (REGISTER(SLEEP_CLOCK_BASE + (offset)) = 1)

void sleep_clock_begin(void);
void sleep_clock_handler(void);

static inline void sleep_clock_run(bool on) {
    SLEEP_CLOCK_TASK(on ? 0x000 : 0x004);
}

static inline void sleep_clock_restart(void) {
    SLEEP_CLOCK_TASK(0x008);
}
#else
static inline void sleep_clock_begin(void) {
}

static inline void sleep_clock_run(bool on) {
    (void)on;
}

static inline void sleep_clock_restart(void) {
}
#endif

#endif
