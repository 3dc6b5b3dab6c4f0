// Flood: no answer to a command is lost, however many events wait.
//
// Shows:   each driver's answers have places of their own, beside the queue of ten upcalls. What is repeated too
//          often is dropped, and counted: process info, command 100.
// Build:   make apps                  (build/apps/flood.tbf, flood-edges.tbf)
// Run:     make run APPS="flood"
// Expect:  flood: 6 answers waited for, 6 called; 2 events dropped
//
// With the argument `edges` it counts 14 edges of pin 0 without yielding, each acknowledged on pin 1, and then prints.

#include "adder.h"

enum { SETS = 12, PLACES = 6 };
#define DRIVER_TEMPERATURE 0x60000

static uint8_t random[4], read_to[4];
static const uint8_t written[] = "flood";
static unsigned answers[PLACES], alarms;

static void answered(uint32_t a, uint32_t b, uint32_t c, void *which) {
    (void)a;
    (void)b;
    (void)c;
    answers[(uintptr_t)which]++;
}

static void alarm_fired(uint32_t a, uint32_t b, uint32_t c, void *data) {
    answered(a, b, c, data);
    alarms++;
}

static const struct {
    uint32_t driver, number; // of the upcall
    uint32_t command, first, second;
} asked[PLACES] = {
    { DRIVER_ALARM, 0, 5, 0, 0 },
    { DRIVER_CONSOLE, 1, 1, 5, 0 },
    { DRIVER_RNG, 0, 1, sizeof random, 0 },
    { DRIVER_NONVOLATILE_STORAGE, 1, 3, 0, 4 },
    { DRIVER_NONVOLATILE_STORAGE, 0, 2, 0, 4 },
    { DRIVER_TEMPERATURE, 0, 1, 0, 0 },
};

static void compute(unsigned ms) {
    for (uint32_t start = alarm_now(); alarm_now() - start < ms * (alarm_frequency() / 1000);) {
    }
}

// What the kernel has dropped of this process's upcalls.
static uint32_t dropped(void) {
    uint32_t ids[32];
    allow_rw(DRIVER_PROCESS_INFO, 0, ids, sizeof ids);
    command(DRIVER_PROCESS_INFO, 2, 0, 0);
    uint32_t own = ids[0]; // of the process in the first slot
    allow_rw(DRIVER_PROCESS_INFO, 0, 0, 0);
    return command(DRIVER_PROCESS_INFO, 100, own, 0).a;
}

// Fill the queue with alarms, and then ask everybody for something.
static unsigned flood(void) {
    for (unsigned i = 0; i < SETS - 1; i++) {
        command(DRIVER_ALARM, 5, 0, 0); // expires at once
    }
    unsigned accepted = 0;
    for (unsigned i = 0; i < PLACES; i++) {
        accepted += succeeded(command(asked[i].driver, asked[i].command, asked[i].first, asked[i].second));
    }
    compute(300);
    return accepted;
}

static int edges(void) {
    enum { EDGES = 14 };
    command(DRIVER_GPIO, 5, 0, 0);
    command(DRIVER_GPIO, 1, 1, 0);
    subscribe(DRIVER_GPIO, 0, answered, 0);
    command(DRIVER_GPIO, 7, 0, 0);
    uint32_t level = command(DRIVER_GPIO, 6, 0, 0).a;
    print("edges: ready\n");
    for (unsigned i = 0; i < EDGES; i++) {
        while (command(DRIVER_GPIO, 6, 0, 0).a == level) {
        }
        level ^= 1;
        compute(50); // the board looks 50 times a second
        command(DRIVER_GPIO, 4, 1, 0);
    }
    print("edges: one\n");
    print("edges: two\n");
    while (yield_no_wait()) {
    }
    print("edges: %u of %u told, %u dropped\n", answers[0], EDGES, (unsigned)dropped());
    return 0;
}

int main(void) {
    if (strcmp(app_argument(), "edges") == 0) {
        return edges();
    }
    allow_rw(DRIVER_RNG, 0, random, sizeof random);
    allow_rw(DRIVER_NONVOLATILE_STORAGE, 0, read_to, sizeof read_to);
    allow_ro(DRIVER_NONVOLATILE_STORAGE, 0, written, sizeof written);
    allow_ro(DRIVER_CONSOLE, 1, "flood", 5);

    unsigned waited = flood();
    bool busy = command(DRIVER_CONSOLE, 1, 5, 0).a == E_BUSY; // its answer might find no place
    for (unsigned i = 0; i < PLACES; i++) {
        yield_wait_for(asked[i].driver, asked[i].number);
    }
    while (yield_no_wait()) { // the alarms that are left: null upcalls
    }
    uint32_t first = dropped();

    for (unsigned i = 0; i < PLACES; i++) {
        subscribe(asked[i].driver, asked[i].number, i == 0 ? alarm_fired : answered, (void *)(uintptr_t)i);
    }
    unsigned called = flood();
    busy = busy && command(DRIVER_NONVOLATILE_STORAGE, 2, 0, 4).a == E_BUSY;
    while (yield_no_wait()) {
    }
    bool once = true;
    for (unsigned i = 1; i < PLACES; i++) {
        once = once && answers[i] == 1;
    }
    subscribe(DRIVER_CONSOLE, 1, 0, 0);
    allow_ro(DRIVER_CONSOLE, 1, 0, 0);
    print("\nflood: %u answers waited for, %u called; %u events dropped\n", waited, called, (unsigned)(dropped() - first));
    print("flood: %s, %u alarms, %s\n", once ? "each once" : "NOT each once", alarms, busy ? "then busy" : "NOT busy");
    return 0;
}
