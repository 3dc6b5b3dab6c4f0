// Lateness: sets alarms and reports how late they come.
//
// Shows:   alarms are never early, and no later than the kernel's latency or, beside an app that spins, a
//          time slice.
// Build:   make apps                  (build/apps/lateness.tbf, lateness-long.tbf)
// Run:     adder simulate with lateness and spin in the flash image
// Expect:  lateness: 200 alarms, 0 early, at most 10112 us late
//
// Argument: COUNT LONGEST, the number of alarms and the longest in milliseconds; 200 50 if there is none.

#include "adder.h"

static uint32_t random_state = 2463534242u;

static uint32_t random_number(void) { // xorshift
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

int main(void) {
    const char *text = app_argument();
    char word[16];
    next_word(&text, word, sizeof(word));
    uint32_t count = parse_number(word, 200);
    next_word(&text, word, sizeof(word));
    uint32_t longest = parse_number(word, 50);
    uint32_t per_us = alarm_frequency() / 1000000, early = 0, latest = 0;
    uint32_t span = (uint32_t)ms_to_ticks(longest);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t reference = alarm_now();
        uint32_t dt = random_number() % span + 1;
        command(DRIVER_ALARM, 6, reference, dt);
        yield_wait_for(DRIVER_ALARM, 0);
        uint32_t passed = alarm_now() - reference;
        if (passed < dt) {
            early++;
        } else if (passed - dt > latest) {
            latest = passed - dt;
        }
    }
    print("lateness: %u alarms, %u early, at most %u us late\n", (unsigned)count, (unsigned)early,
          (unsigned)(latest / per_us));
    return 0;
}
