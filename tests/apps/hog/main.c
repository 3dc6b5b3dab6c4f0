// Hog: never stops allocating.
//
// Shows:   a process's memory ends at its own limit; new memory is zero; giving memory back.
// Build:   make apps                  (build/apps/hog.tbf)
// Run:     make run APPS="hog"
// Expect:  hog: begin
//          hog: got 3008 bytes, gave them back (round 1)
//          hog: got 3008 bytes, gave them back (round 2)
//          … a line a second, always the same number. If new memory is not zero:
//          hog: DIRTY memory at 0x…
//          and completion code 1.

#include "adder.h"

enum { STEP = 64 };

int main(void) {
    print("hog: begin\n");
    sleep_ms(1); // from here on the kernel has all that it needs of this app's memory
    for (uint32_t round = 1;; round++) {
        uint32_t got = 0;
        for (;;) {
            uint32_t *block = sbrk(STEP);
            if (block == SBRK_FAILED) {
                break;
            }
            for (size_t i = 0; i < STEP / sizeof *block; i++) {
                if (block[i] != 0) {
                    print("hog: DIRTY memory at %p\n", (void *)&block[i]);
                    return 1;
                }
                block[i] = 0xdeadbeef;
            }
            got += STEP;
        }
        if (sbrk(-(intptr_t)got) == SBRK_FAILED) {
            print("hog: cannot give back %u bytes\n", (unsigned)got);
            return 1;
        }
        print("hog: got %u bytes, gave them back (round %u)\n", (unsigned)got, (unsigned)round);
        sleep_ms(1000);
    }
}
