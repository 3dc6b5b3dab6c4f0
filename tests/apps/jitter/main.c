// Jitter: an app that takes the CPU for a random while, and sleeps for another.
//
// Shows:   nothing; it makes the instants at which other apps are preempted and interrupted unforeseeable.
// Build:   make apps                  (build/apps/jitter.tbf)
// Run:     make soak
// Expect:  jitter: 1000 turns
//          … again and again.

#include "adder.h"

static uint32_t random_bits(void) {
    static uint32_t state = 2463534242u; // xorshift32 (Marsaglia, 2003)
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

int main(void) {
    for (uint32_t turns = 1;; turns++) {
        for (volatile uint32_t i = random_bits() % 20000; i != 0; i--) {
            // spend time
        }
        sleep_ms(random_bits() % 6);
        if (turns % 1000 == 0) {
            print("jitter: %u turns\n", (unsigned)turns);
        }
    }
}
