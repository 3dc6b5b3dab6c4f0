// Float: keeps values in all floating-point registers while other apps run.
//
// Shows:   s0 to s31 and the FPSCR survive preemption and system calls.
// Build:   make apps                  (build/apps/float.tbf, float2.tbf)
// Run:     make run APPS="float float2"
//          (two, with values of their own, so that each would notice the other's)
// Expect:  float: 1204 rounds, no register lost
//          … a line a second. If the kernel lost something:
//          float: LOST 3 registers in round 17
//          and the app ends with completion code 1.
//
// The argument is a number that the values are made of.

#include "adder.h"

uint32_t float_round(uint32_t seed, uint32_t loops, uint32_t *want);

int main(void) {
    size_t length;
    const char *name = app_name(&length);
    uint32_t seed = parse_number(app_argument(), 1) * 0x9e3779b9u;
    uint32_t want[32];
    uint32_t frequency = alarm_frequency();
    uint32_t reported = alarm_now();
    for (uint32_t rounds = 1;; rounds++) {
        seed = seed * 1664525u + 1013904223u;
        uint32_t lost = float_round(seed, 2000 + (seed >> 22), want);
        if (lost != 0) {
            print("%.*s: LOST %u registers in round %u\n", (int)length, name, (unsigned)lost, (unsigned)rounds);
            return 1;
        }
        if (alarm_now() - reported >= frequency) {
            reported += frequency;
            print("%.*s: %u rounds, no register lost\n", (int)length, name, (unsigned)rounds);
        }
    }
}
