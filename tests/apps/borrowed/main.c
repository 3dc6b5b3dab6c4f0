// Borrowed: moves its stack into memory that another app shares with it, and goes on there when that app has ended.
//
// Shows:   the kernel writes nothing into a frame that lies in another's memory: who has such a stack faults when it sleeps,
//          or when the memory is no longer shared.
// Build:   make apps                  (build/apps/borrowed-*.tbf, and lender-*.tbf for each)
// Run:     adder simulate with a pair of them and hello in the flash image
// Expect:  lender: nothing else was touched
//          and the fault report of the other.
//
// Argument: what it does there (wait, for, spin, call), or `lend` and the name of the app that is lent to.

#include "adder.h"

#define LENT (1024)

static uint8_t around[3 * LENT] __attribute__((aligned(LENT)));
static char what[8];

static void move_there(uint32_t me, uint32_t length, uint32_t address, void *data) {
    (void)me, (void)data;
    uint32_t stack = address + length / 2;
    print("borrowed: %s\n", what);
    if (strcmp(what, "wait") == 0) {
        __asm__ volatile("mov sp, %0\n movs r0, #1\n svc #0\n 1: b 1b" ::"r"(stack) : "r0");
    } else if (strcmp(what, "for") == 0) {
        __asm__ volatile("mov sp, %0\n movs r0, #2\n movs r1, #0\n movs r2, #0\n svc #0\n 1: b 1b" ::"r"(stack) : "r0", "r1", "r2");
    } else if (strcmp(what, "call") == 0) {
        __asm__ volatile("mov sp, %0\n 1: movs r0, #2\n movs r1, #0\n svc #2\n b 1b" ::"r"(stack) : "r0", "r1");
    }
    __asm__ volatile("mov sp, %0\n 1: b 1b" ::"r"(stack));
}

static int lend(const char *name) {
    uint32_t other;
    while (!ipc_discover(name, &other)) {
        sleep_ms(20); // not started yet
    }
    sleep_ms(50);
    memset(around, 0xa5, sizeof around);
    ipc_share(other, around + LENT, LENT);
    ipc_notify_service(other);
    sleep_ms(200);
    bool whole = true;
    for (unsigned i = 0; i < LENT; i++) {
        whole &= around[i] == 0xa5 && around[2 * LENT + i] == 0xa5;
    }
    print("lender: %s\n", whole ? "nothing else was touched" : "MEMORY WAS TOUCHED");
    exit_terminate(0);
}

int main(void) {
    const char *text = app_argument();
    char other[24];
    next_word(&text, what, sizeof what);
    if (strcmp(what, "lend") == 0) {
        next_word(&text, other, sizeof other);
        return lend(other);
    }
    uint32_t own;
    format_text(other, sizeof other, "borrowed-%s", what);
    ipc_discover(other, &own);
    ipc_on_notify(own, move_there, 0);
    for (;;) {
        yield_wait();
    }
}
