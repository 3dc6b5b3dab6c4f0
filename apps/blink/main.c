// Blink: counts in binary on the board's LEDs.
//
// Shows:   an upcall: the alarm calls a function of the app while it waits in yield.
// Build:   make apps                  (build/apps/blink.tbf)
// Run:     make run APPS="blink"
// Expect:  blink: 2 LEDs, a step every 250 ms
//          and the LEDs counting; nothing more on the console.
//
// The argument is the step in milliseconds; 250 if there is none.

#include "adder.h"

enum { ALARM_EXPIRED = 0, ALARM_SET_ABSOLUTE = 6 };

typedef struct {
    uint32_t leds;
    uint32_t step; // ticks
    uint32_t due;
    uint32_t count;
} blink_t;

static void arm(blink_t *blink) {
    command(DRIVER_ALARM, ALARM_SET_ABSOLUTE, blink->due, blink->step);
    blink->due += blink->step;
}

static void on_alarm(uint32_t now, uint32_t expiry, uint32_t unused, void *data) {
    (void)now, (void)expiry, (void)unused;
    blink_t *blink = data;
    uint32_t changed = blink->count ^ (blink->count + 1);
    blink->count++;
    for (uint32_t led = 0; led < blink->leds; led++) {
        if (changed & (1u << led)) {
            led_toggle(led);
        }
    }
    arm(blink);
}

int main(void) {
    uint32_t ms = parse_number(app_argument(), 250);
    blink_t blink = {led_count(), (uint32_t)ms_to_ticks(ms), alarm_now(), 0};
    print("blink: %u LEDs, a step every %u ms\n", (unsigned)blink.leds, (unsigned)ms);
    subscribe(DRIVER_ALARM, ALARM_EXPIRED, on_alarm, &blink);
    arm(&blink);
    for (;;) {
        yield_wait();
    }
}
