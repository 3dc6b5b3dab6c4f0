// The tick of the time slice. It limits the time of the kernel's Python as well.

#include "arch/cortex_m4/registers.h"
#include "config.h"
#include "kernel/sleep_clock.h"
#include "kernel/tick.h"
#include "memory_map.h"

#define SLICE_TICKS ((uint32_t)((uint64_t)BOARD_CPU_HZ * CONFIG_TIME_SLICE_US / 1000000))
_Static_assert((uint64_t)BOARD_CPU_HZ * CONFIG_TIME_SLICE_US / 1000000 <= 0x1000000, "SysTick counts 24 bits");

#define SOON_TICKS (7919) // and up to 4,095 more

#define ON (SYST_CSR_ENABLE | SYST_CSR_TICKINT | SYST_CSR_CLKSOURCE)

bool tick_on;
uint32_t tick_kernel;

void tick_switch(bool on) {
    SYST_CSR = on ? ON : 0;
    sleep_clock_run(on);
    tick_on = on;
}

void tick_begin(void) {
    tick_normal();
    tick_switch(false); // whatever it has been when the kernel was wired, or a bootloader has left
    SYST_CSR = ON;
    tick_on = true; // but for the sleep clock, which schedule_start() starts: nothing makes it tick yet
}

// As if at random: a loop whose length divides the time between two ticks, or that of all until they repeat, would be found
// at the same few places by all of them, which may all be in C.
void tick_soon(void) {
    static uint16_t later;
    later = 5 * later + 1; // goes through all numbers
    SYST_RVR = SOON_TICKS + (later >> 4);
    SYST_CVR = 0;
}

void tick_normal(void) {
    SYST_RVR = SLICE_TICKS - 1;
}
