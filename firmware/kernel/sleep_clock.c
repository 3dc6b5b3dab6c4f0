// See sleep_clock.h.

#include "core/context_switch.h"
#include "core/running.h"
#include "kernel/sleep_clock.h"

#ifdef SLEEP_CLOCK_BASE

#define RTC_EVENTS_TICK REGISTER(SLEEP_CLOCK_BASE + 0x100)
#define RTC_INTENSET REGISTER(SLEEP_CLOCK_BASE + 0x304)
#define RTC_INTENCLR REGISTER(SLEEP_CLOCK_BASE + 0x308)
#define RTC_PRESCALER REGISTER(SLEEP_CLOCK_BASE + 0x508)

// A tick of it is longer than a slice by up to two periods of 32,768 Hz, so SysTick comes first if the processor is awake.
#define TICK ((uint32_t)((uint64_t)CONFIG_TIME_SLICE_US * 32768 / 1000000) + 2)
_Static_assert((uint64_t)CONFIG_TIME_SLICE_US * 32768 / 1000000 + 2 <= 4096, "PRESCALER has 12 bits");

// tick_begin() has stopped it; that takes two periods of the clock, and PRESCALER is written while it stands still (6.22).
void sleep_clock_begin(void) {
    RTC_INTENCLR = 0xffffffff;
    RTC_PRESCALER = TICK - 1;
    RTC_EVENTS_TICK = 0;
    RTC_INTENSET = 1; // TICK
    NVIC_ISER(SLEEP_CLOCK_IRQ / 32) = 1u << SLEEP_CLOCK_IRQ % 32;
}

// Safety: runs above the kernel's priority; it only writes two words that are written whole.
void sleep_clock_handler(void) {
    RTC_EVENTS_TICK = 0;
    (void)RTC_EVENTS_TICK; // the write has arrived before the exception returns, or the interrupt would come again
    timeslice_expired = 1;
    context_switch_request();
}

#endif
