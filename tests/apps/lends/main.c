// Lends: allows a test's capsule to read a text of its, says so, and waits for ever.
//
// Shows:   what a capsule can do with a program's buffer when the program does nothing any more.
// Build:   make apps                  (build/apps/lends.tbf)
// Run:     by tests/adversarial/test_exhaustion.py
// Expect:  nothing

#include "adder.h"

enum { DRIVER_GUILTY = 0xBAD002, LENT = 1 };

int main(void) {
    static const char text[] = "what is lent\n";
    allow_ro(DRIVER_GUILTY, 0, text, sizeof text - 1);
    command(DRIVER_GUILTY, LENT, 0, 0);
    for (;;) {
        yield_wait();
    }
}
