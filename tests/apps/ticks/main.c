// Ticks: reads the time again and again and checks that it only grows.
//
// Shows:   the 32-bit time has no glitch where the hardware's counter wraps.
// Build:   make apps                  (build/apps/ticks.tbf)
// Run:     make renode-test
// Expect:  ticks: reading
//          and, after the wrap:
//          ticks: 40000 readings, 1 wraps, 0 backwards, steps of at most 2816
//
// Argument: COUNT, the number of readings.

#include "adder.h"

int main(void) {
    uint32_t count = parse_number(app_argument(), 1000);
    uint32_t wraps = 0, backwards = 0, longest = 0;
    print("ticks: reading\n");
    while (alarm_now() < 0xfff00000) {
        // not yet: this can be eight minutes, or until a test sets the counter
    }
    uint32_t last = alarm_now();
    for (uint32_t i = 0; i < count; i++) {
        uint32_t now = alarm_now(), step = now - last;
        if (step >= 0x80000000) {
            backwards++;
        } else {
            wraps += now < last;
            longest = step > longest ? step : longest;
        }
        last = now;
    }
    print("ticks: %u readings, %u wraps, %u backwards, steps of at most %u\n", (unsigned)count, (unsigned)wraps,
          (unsigned)backwards, (unsigned)longest);
    return 0;
}
