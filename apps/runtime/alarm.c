// Time: the alarm driver counts ticks in 32 bits and wraps.

#include "adder.h"

enum { FREQUENCY = 1, NOW = 2, SET_ABSOLUTE = 6 };
enum { EXPIRED = 0 };

uint32_t alarm_frequency(void) {
    return command(DRIVER_ALARM, FREQUENCY, 0, 0).a;
}

uint32_t alarm_now(void) {
    return command(DRIVER_ALARM, NOW, 0, 0).a;
}

uint64_t ms_to_ticks(uint32_t ms) {
    return ((uint64_t)ms * alarm_frequency() + 999) / 1000;
}

uint32_t ticks_to_ms(uint64_t ticks) {
    return (uint32_t)(ticks * 1000 / alarm_frequency());
}

void sleep_ms(uint32_t ms) {
    // Each step starts where the last one was to end, so a long sleep does not drift,
    // and stays well under the 2^32 ticks that the counter can tell apart.
    const uint32_t LONGEST_STEP = 0x40000000;
    uint64_t left = ms_to_ticks(ms);
    uint32_t reference = alarm_now();
    while (left != 0) {
        uint32_t step = left < LONGEST_STEP ? (uint32_t)left : LONGEST_STEP;
        if (!succeeded(command(DRIVER_ALARM, SET_ABSOLUTE, reference, step))) {
            return;
        }
        do { // an expiry of an earlier alarm may still be queued: look at the clock
            yield_wait_for(DRIVER_ALARM, EXPIRED);
        } while (alarm_now() - reference < step);
        reference += step;
        left -= step;
    }
}
