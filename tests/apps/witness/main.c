// Witness: goes through the commands of every driver, round after round, and says which were refused.
//
// Shows:   the kernel survives whatever befell it, and no driver stays dead.
// Build:   make apps                  (build/apps/witness.tbf)
// Run:     make run APPS="witness exits-terminate", and type
// Expect:  witness: round 1, typed 0, refused 0
//          witness: round 2, typed 1, refused 0
//          … a line every tenth of a second; before it, for each call that was refused:
//          witness: led toggle gave 1
//          An answer that is wrong gives a line with WRONG; an upcall that is lost ends the rounds.
//
// Needs no other app. `exits-terminate`, which ends quickly, is booted again in each round.

#include "adder.h"

enum { READ = 2, ABORT = 3, READ_BUFFER = 1, READ_DONE = 2 };
enum { TERMINATED = 5, RESUME = 1, BOOT = 5 };

static unsigned refused, typed;
static bool reading;

// Whether the call succeeded.
static bool did(const char *what, result_t r) {
    if (!succeeded(r)) {
        refused++;
        print("witness: %s gave %u\n", what, (unsigned)r.a);
    }
    return succeeded(r);
}

static void is(const char *what, bool holds) {
    if (!holds) {
        print("witness: %s is WRONG\n", what);
    }
}

// LEDs are everybody's: another app may switch it off in between, but not each time.
static void light(void) {
    result_t r = {};
    for (unsigned i = 0; i < 4 && r.a != 1; i++) {
        if (!did("led on", command(DRIVER_LED, 1, 1, 0))) {
            return;
        }
        r = command(DRIVER_LED, 4, 1, 0);
        if (!did("led read", r)) {
            return;
        }
    }
    is("led", r.a == 1);
}

static void leds(void) {
    did("led count", command(DRIVER_LED, 0, 0, 0));
    light();
    did("led off", command(DRIVER_LED, 2, 1, 0));
    did("led toggle", command(DRIVER_LED, 3, 1, 0));
}

static void alarms(void) {
    result_t r = command(DRIVER_ALARM, 2, 0, 0);
    if (did("alarm now", r) && did("alarm set", command(DRIVER_ALARM, 5, 250000, 0))) {
        yield_wait_for(DRIVER_ALARM, 0);
        result_t after = command(DRIVER_ALARM, 2, 0, 0);
        is("time", !did("alarm now", after) || after.a - r.a >= 250000);
    }
    if (did("alarm absolute", command(DRIVER_ALARM, 6, r.a, 0x7fffffff))) {
        did("alarm stop", command(DRIVER_ALARM, 3, 0, 0));
    }
}

static void buttons_and_pins(void) {
    enum { OUTPUT = 1, SET = 2, TOGGLE = 4, PIN_READ = 6, ENABLE_EDGE = 7, DISABLE_EDGE = 8 };
    did("button enable", command(DRIVER_BUTTON, 1, 1, 0));
    result_t r = command(DRIVER_BUTTON, 3, 1, 0);
    is("button", !did("button read", r) || r.a == 0);
    did("button disable", command(DRIVER_BUTTON, 2, 1, 0));
    did("pin edge", command(DRIVER_GPIO, ENABLE_EDGE, 2, 0));
    did("pin no edge", command(DRIVER_GPIO, DISABLE_EDGE, 2, 0));
    if (did("pin output", command(DRIVER_GPIO, OUTPUT, 2, 0)) && did("pin set", command(DRIVER_GPIO, SET, 2, 0))) {
        r = command(DRIVER_GPIO, PIN_READ, 2, 0);
        is("pin", !did("pin read", r) || r.a == 1);
        did("pin toggle", command(DRIVER_GPIO, TOGGLE, 2, 0));
    }
}

static void random_bytes(void) {
    static uint8_t bytes[40];
    did("rng allow", allow_rw(DRIVER_RNG, 0, bytes, sizeof bytes));
    if (did("rng", command(DRIVER_RNG, 1, sizeof bytes, 0))) {
        is("rng bytes", yield_wait_for(DRIVER_RNG, 0).b == sizeof bytes);
    }
}

static void storage(unsigned round) {
    static unsigned number;
    number = round;
    did("storage allow", allow_ro(DRIVER_NONVOLATILE_STORAGE, 0, &number, sizeof number));
    if (did("storage write", command(DRIVER_NONVOLATILE_STORAGE, 3, 8, sizeof number))) {
        bool wrote = yield_wait_for(DRIVER_NONVOLATILE_STORAGE, 1).a == sizeof number;
        is("storage written", wrote);
        number = 0;
        did("storage allow", allow_rw(DRIVER_NONVOLATILE_STORAGE, 0, &number, sizeof number));
        if (did("storage read", command(DRIVER_NONVOLATILE_STORAGE, 2, 8, sizeof number))) {
            is("storage", yield_wait_for(DRIVER_NONVOLATILE_STORAGE, 0).a == sizeof number && number == round);
        }
    }
}

static void temperature(void) {
    if (did("temperature", command(DRIVER_TEMPERATURE, 1, 0, 0))) {
        uint32_t hundredths = yield_wait_for(DRIVER_TEMPERATURE, 0).a;
        is("temperature", hundredths >= 1800 && hundredths <= 2600);
    }
}

static void debug(unsigned round) {
    did("debug alert", command(DRIVER_LOW_LEVEL_DEBUG, 1, 1, 0));
    did("debug print", command(DRIVER_LOW_LEVEL_DEBUG, 2, round, 0));
    did("debug print2", command(DRIVER_LOW_LEVEL_DEBUG, 3, round, 0xfedcba98));
}

// The identifiers of all processes, into `identifiers`; how many.
static uint32_t list_processes(uint32_t *identifiers, size_t size) {
    allow_rw(DRIVER_PROCESS_INFO, 0, identifiers, size);
    did("process count", command(DRIVER_PROCESS_INFO, 1, 0, 0));
    did("process short ids", command(DRIVER_PROCESS_INFO, 3, 0, 0));
    result_t r = command(DRIVER_PROCESS_INFO, 2, 0, 0);
    return did("process ids", r) ? r.a : 0;
}

static void processes(void) {
    static uint32_t identifiers[32], stats[4];
    static char name[16];
    uint32_t count = list_processes(identifiers, sizeof identifiers);
    for (uint32_t i = 0; i < count; i++) {
        memset(name, 0, sizeof name);
        allow_rw(DRIVER_PROCESS_INFO, 0, name, sizeof name - 1);
        result_t r = command(DRIVER_PROCESS_INFO, 4, identifiers[i], 0);
        if (r.a == E_INVAL) {
            continue; // it has been restarted, and has another identifier
        }
        did("process name", r);
        if (strcmp(name, "exits-terminate") == 0) {
            allow_rw(DRIVER_PROCESS_INFO, 0, stats, sizeof stats);
            if (did("process stats", command(DRIVER_PROCESS_INFO, 5, identifiers[i], 0)) && stats[3] == TERMINATED) {
                did("process boot", command(DRIVER_PROCESS_INFO, 6, identifiers[i], BOOT));
            }
        } else if (strcmp(name, "witness") == 0) {
            did("process resume", command(DRIVER_PROCESS_INFO, 6, identifiers[i], RESUME));
        }
    }
}

static volatile bool notified;

static void on_notify(uint32_t from, uint32_t length, uint32_t address, void *data) {
    (void)from, (void)length, (void)address, (void)data;
    notified = true;
}

// A service and its client in one.
static void messages(void) {
    static const char name[] = "witness";
    allow_ro(DRIVER_IPC, 0, name, sizeof name - 1);
    result_t self = command(DRIVER_IPC, 1, 0, 0);
    if (did("ipc discover", self)) {
        did("ipc subscribe", subscribe(DRIVER_IPC, self.a, on_notify, NULL));
        notified = false;
        if (did("ipc notify", command(DRIVER_IPC, 2, self.a, 0))) {
            while (!notified) {
                yield_wait();
            }
        }
        did("ipc unsubscribe", subscribe(DRIVER_IPC, self.a, 0, NULL));
    }
}

static void on_read(uint32_t status, uint32_t length, uint32_t unused, void *data) {
    (void)unused, (void)data;
    is("read", status == OK ? length == 1 : status == E_CANCEL);
    typed += length;
    reading = false;
}

// A read is always under way; in each fourth round it is aborted and begun anew.
static void read_console(unsigned round) {
    static char byte;
    while (yield_no_wait()) {
    }
    if (reading && round % 4 == 0) {
        did("console abort", command(DRIVER_CONSOLE, ABORT, 0, 0));
        while (reading) {
            yield_wait();
        }
    }
    if (!reading) {
        did("console subscribe", subscribe(DRIVER_CONSOLE, READ_DONE, on_read, NULL));
        did("console allow", allow_rw(DRIVER_CONSOLE, READ_BUFFER, &byte, 1));
        reading = did("console read", command(DRIVER_CONSOLE, READ, 1, 0));
    }
}

static void memory(void) {
    result_t r = memop(MEMOP_SBRK, 64);
    if (did("sbrk", r)) {
        did("brk", memop(MEMOP_BRK, r.a));
    }
}

int main(void) {
    for (unsigned round = 1;; round++) {
        refused = 0;
        leds();
        alarms();
        temperature();
        buttons_and_pins();
        random_bytes();
        storage(round);
        debug(round);
        processes();
        messages();
        read_console(round);
        memory();
        print("witness: round %u, typed %u, refused %u\n", round, typed, refused);
        sleep_ms(100);
    }
}
