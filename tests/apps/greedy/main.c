// Greedy: one system call again and again, each time with what costs the kernel most.
//
// Shows:   no system call takes so long that the others' alarms come more than a time slice late.
// Build:   make apps                  (build/apps/greedy-brk.tbf and so on)
// Run:     adder simulate with lateness and greedy-brk in the flash image
// Expect:  lateness: 200 alarms, 0 early, at most 10112 us late
//
// Argument: which call. With much RAM (`adder tbf --app-heap`) brk and restart cost more.

#include "adder.h"

#define DRIVER_TEMPERATURE 0x60000

static uint8_t buffer[512];

// Moves the break by as much as there is, from an odd address.
static void brk_in_a_loop(void) {
    char *low = (char *)sbrk(0);
    low += 1 - ((uint32_t)low & 1);
    brk(low);
    uint32_t most = 0;
    for (uint32_t step = 1 << 17; step != 0; step /= 2) {
        if (brk(low + most + step)) {
            most += step;
            brk(low);
        }
    }
    for (;;) {
        brk(low + most);
        brk(low);
    }
}

// A full queue, and subscriptions that look through it.
static void subscribe_in_a_loop(void) {
    for (;;) {
        for (unsigned i = 0; i < 12; i++) {
            command(DRIVER_ALARM, 5, 0, 0);
        }
        command(DRIVER_CONSOLE, 1, 0, 0);
        subscribe(DRIVER_CONSOLE, 1, (upcall_t)brk_in_a_loop, 0);
        subscribe(DRIVER_ALARM, 0, (upcall_t)brk_in_a_loop, 0);
        subscribe(DRIVER_ALARM, 0, 0, 0);
    }
}

static const struct {
    const char *name;
    uint32_t driver, number, first, second;
} calls[] = {
    { "discover", DRIVER_IPC, 1, 0, 0 },
    { "find", DRIVER_PROCESS_INFO, 4, 1, 0 },
    { "list", DRIVER_PROCESS_INFO, 2, 0, 0 },
    { "stats", DRIVER_PROCESS_INFO, 5, 1, 0 },
    { "alarm", DRIVER_ALARM, 5, 0xffffffff, 0 },
    { "write", DRIVER_CONSOLE, 1, 0xffffffff, 0 },
    { "random", DRIVER_RNG, 1, 0xffffffff, 0 },
    { "load", DRIVER_NONVOLATILE_STORAGE, 2, 0, 512 },
    { "store", DRIVER_NONVOLATILE_STORAGE, 3, 0, 512 },
    { "record", DRIVER_NONVOLATILE_STORAGE, 3, 0, 1 },
    { "measure", DRIVER_TEMPERATURE, 1, 0, 0 },
    { "pin", DRIVER_GPIO, 7, 0, 0 },
    { "button", DRIVER_BUTTON, 2, 0, 0 },
};

int main(void) {
    const char *what = app_argument();
    if (strcmp(what, "brk") == 0) {
        brk_in_a_loop();
    } else if (strcmp(what, "subscribe") == 0) {
        subscribe_in_a_loop();
    } else if (strcmp(what, "restart") == 0) {
        command(DRIVER_ALARM, 5, 1 << 30, 0); // grants to be given up
        command(DRIVER_CONSOLE, 1, 0, 0);
        ADDER_SVC(CLASS_EXIT, EXIT_RESTART, 0, 0, 0);
    }
    allow_ro(DRIVER_IPC, 0, "no such app", 11);
    allow_rw(DRIVER_PROCESS_INFO, 0, buffer, sizeof buffer);
    allow_ro(DRIVER_CONSOLE, 1, buffer, 1);
    allow_rw(DRIVER_RNG, 0, buffer, sizeof buffer);
    allow_rw(DRIVER_NONVOLATILE_STORAGE, 0, buffer, sizeof buffer);
    allow_ro(DRIVER_NONVOLATILE_STORAGE, 0, buffer, sizeof buffer);
    for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        while (strcmp(what, calls[i].name) == 0) {
            command(calls[i].driver, calls[i].number, calls[i].first, calls[i].second);
            yield_no_wait();
        }
    }
    return 1; // no such call
}
