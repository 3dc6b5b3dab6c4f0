// Dice: throws a die 6,000 times.
//
// Shows:   random bytes. Those of QEMU's board only look random.
// Build:   make apps                  (build/apps/dice.tbf)
// Run:     make run APPS="dice"
// Expect:  dice: 1003 984 1011 968 1050 984        about 1000 each

#include "adder.h"

enum { GET = 1, READY = 0, BUFFER = 0 };

int main(void) {
    static uint8_t bytes[100];
    unsigned thrown[6] = {0}, total = 0;
    allow_rw(DRIVER_RNG, BUFFER, bytes, sizeof bytes);
    while (total < 6000) {
        if (!succeeded(command(DRIVER_RNG, GET, sizeof bytes, 0))) {
            print("dice: this board has no random bytes\n");
            return 0;
        }
        upcall_args_t ready = yield_wait_for(DRIVER_RNG, READY);
        if (ready.a != OK || ready.b != sizeof bytes) {
            print("dice: status %u, %u bytes\n", (unsigned)ready.a, (unsigned)ready.b);
            return 1;
        }
        for (unsigned i = 0; i < sizeof bytes && total < 6000; i++) {
            if (bytes[i] < 252) { // the largest multiple of 6
                thrown[bytes[i] % 6]++;
                total++;
            }
        }
    }
    print("dice: %u %u %u %u %u %u\n", thrown[0], thrown[1], thrown[2], thrown[3], thrown[4], thrown[5]);
    return 0;
}
