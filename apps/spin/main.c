// Spin: computes for ever and never makes a system call.
//
// Shows:   preemption: the other apps keep their time.
// Build:   make apps                  (build/apps/spin.tbf)
// Run:     make run APPS="spin blink"
// Expect:  spin: spinning
//          and nothing more; the LEDs of blink keep their rhythm.

#include "adder.h"

int main(void) {
    print("spin: spinning\n");
    for (;;) {
        __asm__ volatile("");
    }
}
