// Counter: counts how often it was started.
//
// Shows:   storage that outlives a reset, and that no other program reaches.
// Build:   make apps                  (build/apps/counter.tbf; counter2 has a region of its own; counter-none one that it shares)
// Run:     make run APPS="counter", several times
// Expect:  counter: start 1, 2048 bytes of storage

#include "adder.h"

enum { SIZE = 1, READ = 2, WRITE = 3, READ_DONE = 0, WRITE_DONE = 1, BUFFER = 0 };

int main(void) {
    static uint32_t starts;
    result_t size = command(DRIVER_NONVOLATILE_STORAGE, SIZE, 0, 0);
    if (!succeeded(size)) {
        print("counter: no storage, error %u\n", (unsigned)size.a);
        return 0;
    }
    allow_rw(DRIVER_NONVOLATILE_STORAGE, BUFFER, &starts, sizeof starts);
    command(DRIVER_NONVOLATILE_STORAGE, READ, 0, sizeof starts);
    uint32_t got = yield_wait_for(DRIVER_NONVOLATILE_STORAGE, READ_DONE).a;
    starts++; // what was never written is 0xffffffff
    starts += starts == 0;
    allow_ro(DRIVER_NONVOLATILE_STORAGE, BUFFER, &starts, sizeof starts);
    command(DRIVER_NONVOLATILE_STORAGE, WRITE, 0, sizeof starts);
    uint32_t wrote = yield_wait_for(DRIVER_NONVOLATILE_STORAGE, WRITE_DONE).a;
    if (got != sizeof starts || wrote != sizeof starts) {
        print("counter: %u bytes read, %u written\n", (unsigned)got, (unsigned)wrote);
        return 1;
    }
    print("counter: start %u, %u bytes of storage\n", (unsigned)starts, (unsigned)size.a);
    return 0;
}
