// LEDs.

#include "adder.h"

enum { COUNT = 0, ON = 1, OFF = 2, TOGGLE = 3 };

uint32_t led_count(void) {
    result_t r = command(DRIVER_LED, COUNT, 0, 0);
    return succeeded(r) ? r.a : 0;
}

void led_on(uint32_t led) {
    command(DRIVER_LED, ON, led, 0);
}

void led_off(uint32_t led) {
    command(DRIVER_LED, OFF, led, 0);
}

void led_toggle(uint32_t led) {
    command(DRIVER_LED, TOGGLE, led, 0);
}
