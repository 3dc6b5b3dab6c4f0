// Costs: makes each command that it is told of, and each other system call, with the worst arguments.
//
// Shows:   how long the longest call takes.
// Build:   make apps                  (build/apps/costs.tbf)
// Run:     by tests/system/test_worst_calls.py, which says which commands there are
// Expect:  costs: command 0x2 3: 4 ticks for 0xffffffff 0x80000001
//          and so on; costs: done, 11 drivers
//
// The test writes the list over the one below: driver numbers, each with the command numbers that it has.

#include "adder.h"

static const volatile char commands[1024] = "COMMANDS:0:0,2;2:0,1";

#define TRIES (3) // the middle one counts: an interrupt may be served within a call
#define GET_TIME (2)
#define SET_RELATIVE (5)
#define REMOVE (4)
#define YIELD_WAIT (1)
#define YIELD_WAIT_FOR (2)

static const uint32_t worst[] = { 0, 1, 2048, 0x7fffffff, 0x80000001, 0xffffffff };
#define WORST (sizeof worst / sizeof worst[0])

static uint8_t written[2048 + 32] __attribute__((aligned(32)));
static uint8_t read[2048 + 32] __attribute__((aligned(32)));

static uint32_t now(void) {
    return command(DRIVER_ALARM, GET_TIME, 0, 0).a >> 8;
}

// Another function each time would be dropped by a subscription; this one is never called.
static void never(uint32_t a, uint32_t b, uint32_t c, void *data) {
    (void)a, (void)b, (void)c, (void)data;
}

// As much as can be, at an odd address as well.
static void lend(uint32_t driver, unsigned odd) {
    for (unsigned i = 0; i < 3; i++) { // 2: itself, to IPC
        allow_rw(driver, i, written + odd, 2048);
        allow_ro(driver, i, read + odd, 2048);
    }
}

// So that what waits for an upcall gets one at once.
static void have_upcall(void) {
    ADDER_SVC(CLASS_SUBSCRIBE, DRIVER_ALARM, 0, never, 0);
    command(DRIVER_ALARM, SET_RELATIVE, 1, 0);
    uint32_t began = now();
    while (((now() - began) & 0xffffff) < 100) {
    }
}

static uint32_t middle(const uint32_t took[TRIES]) {
    uint32_t low = took[0] < took[1] ? took[0] : took[1], high = took[0] < took[1] ? took[1] : took[0];
    return took[2] < low ? low : took[2] > high ? high : took[2];
}

static uint32_t measure(uint32_t class, uint32_t r0, uint32_t r1, uint32_t r2, uint32_t r3) {
    uint32_t took[TRIES];
    for (unsigned i = 0; i < TRIES; i++) {
        if (class == CLASS_COMMAND && r0 != DRIVER_ALARM) {
            lend(r0, i & 1);
        }
        if (class == CLASS_YIELD && (r0 == YIELD_WAIT || r0 == YIELD_WAIT_FOR)) {
            have_upcall();
        }
        uint32_t began = now();
        switch (class) {
            case CLASS_COMMAND: ADDER_SVC(CLASS_COMMAND, r0, r1, r2, r3); break;
            case CLASS_SUBSCRIBE: ADDER_SVC(CLASS_SUBSCRIBE, r0, r1, r2, r3); break;
            case CLASS_ALLOW_RW: ADDER_SVC(CLASS_ALLOW_RW, r0, r1, r2, r3); break;
            case CLASS_ALLOW_RO: ADDER_SVC(CLASS_ALLOW_RO, r0, r1, r2, r3); break;
            case CLASS_ALLOW_READABLE: ADDER_SVC(CLASS_ALLOW_READABLE, r0, r1, r2, r3); break;
            case CLASS_MEMOP: ADDER_SVC(CLASS_MEMOP, r0, r1, r2, r3); break;
            case CLASS_YIELD: ADDER_SVC(CLASS_YIELD, r0, r1, r2, r3); break;
        }
        took[i] = (now() - began) & 0xffffff;
        sleep_ms(2); // what it began may end
    }
    return middle(took);
}

// What this process shares with itself is the largest that it can copy.
static uint32_t own_index(void) {
    uint32_t slot = 0;
    allow_ro(DRIVER_IPC, 0, "costs", 5);
    result_t r = command(DRIVER_IPC, 1, 0, 0);
    if (r.variant == SUCCESS_U32) {
        slot = r.a;
    }
    return slot;
}

static void command_costs(uint32_t driver, uint32_t number) {
    uint32_t most = 0, first = 0, second = 0;
    bool removes = driver == DRIVER_APPS && number == REMOVE;
    for (unsigned i = removes ? 2 : 0; i < WORST; i++) { // 0 and 1 would be this app itself in the end
        for (unsigned j = 0; j < WORST; j += 2) {
            uint32_t took = measure(CLASS_COMMAND, driver, number, worst[i], worst[j]);
            if (took >= most) {
                most = took;
                first = worst[i];
                second = worst[j];
            }
        }
    }
    if (driver == DRIVER_IPC) {
        uint32_t own = own_index(), took = measure(CLASS_COMMAND, driver, number, own, 0);
        if (took >= most) {
            most = took;
            first = own;
        }
    }
    if (removes) { // this app is the largest and lies first; the next one is removed, as often as it is tried
        uint32_t took = measure(CLASS_COMMAND, driver, number, 1, 0);
        if (took >= most) {
            most = took;
            first = 1;
            second = 0;
        }
    }
    print("costs: command 0x%x %u: %u ticks for 0x%x 0x%x\n",
        (unsigned)driver, (unsigned)number, (unsigned)most, (unsigned)first, (unsigned)second);
}

static void class_costs(const char *name, uint32_t class, uint32_t driver, uint32_t r2, uint32_t r3) {
    uint32_t most = 0;
    for (unsigned i = 0; i < WORST; i++) {
        uint32_t took = measure(class, driver, worst[i], r2, r3);
        most = took > most ? took : most;
    }
    print("costs: %s 0x%x: %u ticks\n", name, (unsigned)driver, (unsigned)most);
}

static uint32_t number_at(const volatile char **text) {
    uint32_t value = 0;
    for (; **text >= '0' && **text <= '9'; ++*text) {
        value = value * 10 + (uint32_t)(**text - '0');
    }
    return value;
}

int main(void) {
    const volatile char *at = commands + sizeof "COMMANDS:" - 1;
    unsigned served = 0;
    while (*at != '\0') {
        uint32_t driver = number_at(&at);
        result_t there = command(driver, 0, 0, 0);
        if (there.variant == FAILURE && there.a == E_NODEVICE) {
            while (*at != '\0' && *at++ != ';') {
            }
            continue;
        }
        served++;
        class_costs("subscribe", CLASS_SUBSCRIBE, driver, (uint32_t)never, 0);
        class_costs("allow_rw", CLASS_ALLOW_RW, driver, (uint32_t)written + 1, 2048);
        class_costs("allow_ro", CLASS_ALLOW_RO, driver, (uint32_t)read + 1, 0xffffffff);
        class_costs("allow_readable", CLASS_ALLOW_READABLE, driver, (uint32_t)written + 1, 2048);
        while (*at == ':' || *at == ',') {
            at++;
            command_costs(driver, number_at(&at));
        }
        at += *at == ';';
    }
    uint32_t end = (uint32_t)sbrk(0);
    for (unsigned operation = 0; operation < 13; operation++) {
        uint32_t most = 0;
        for (unsigned i = 0; i < WORST; i++) {
            uint32_t value = operation == 0 ? end + (worst[i] & 0x1fff) + 1 : operation == 1 ? worst[i] & 1 : worst[i];
            uint32_t took = measure(CLASS_MEMOP, operation, value, 0, 0);
            most = took > most ? took : most;
        }
        print("costs: memop %u: %u ticks\n", operation, (unsigned)most);
    }
    class_costs("yield", CLASS_YIELD, 0, 0, 0);
    class_costs("yield", CLASS_YIELD, 0xffffffff, 0, 0);
    print("costs: yield 0x1: %u ticks\n", (unsigned)measure(CLASS_YIELD, YIELD_WAIT, 0, 0, 0));
    print("costs: yield 0x2: %u ticks\n", (unsigned)measure(CLASS_YIELD, YIELD_WAIT_FOR, DRIVER_ALARM, 0, 0));
    print("costs: done, %u drivers\n", served);
    return 0;
}
