// Pins: pin 0 follows pin 1, and each change is counted.
//
// Shows:   an output, an input with a pull-up, and an upcall for each edge.
// Build:   make apps                  (build/apps/pins.tbf)
// Run:     make run APPS="pins"; on QEMU's board, `adder pin 1 0` in another terminal
// Expect:  pins: 8 of them, pin 1 is 1
//          pins: pin 1 is 0, change 1

#include "adder.h"

enum {
    OUTPUT = 1, SET = 2, CLEAR = 3, INPUT = 5, READ = 6, ENABLE_INTERRUPT = 7, COUNT = 10,
    PULL_UP = 1, EITHER_EDGE = 0, EDGE = 0,
};

static uint32_t follow(void) {
    uint32_t level = command(DRIVER_GPIO, READ, 1, 0).a;
    command(DRIVER_GPIO, level ? SET : CLEAR, 0, 0);
    return level;
}

int main(void) {
    result_t r = command(DRIVER_GPIO, COUNT, 0, 0);
    if (!succeeded(r)) {
        print("pins: this board has none\n");
        return 0;
    }
    command(DRIVER_GPIO, OUTPUT, 0, 0);
    command(DRIVER_GPIO, INPUT, 1, PULL_UP);
    command(DRIVER_GPIO, ENABLE_INTERRUPT, 1, EITHER_EDGE);
    print("pins: %u of them, pin 1 is %u\n", (unsigned)r.a, (unsigned)follow());
    for (unsigned changes = 1;; changes++) {
        do {
            r.a = yield_wait_for(DRIVER_GPIO, EDGE).a; // all programs are told of all edges
        } while (r.a != 1);
        print("pins: pin 1 is %u, change %u\n", (unsigned)follow(), changes);
    }
}
