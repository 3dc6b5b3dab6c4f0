// Steady: 20,000 system calls of every everyday kind.
//
// Shows:   that nothing in the kernel grows: a test reads its heap counters at the two lines.
// Build:   make apps                  (build/apps/steady.tbf)
// Run:     make run APPS="steady"
// Expect:  steady: begin
//          steady: end, 20000 calls, 0 surprises
//          and then the app sleeps. A surprise is a call that did not return what it must.
//
// The argument is the number of calls; 20000 if there is none.
// Everything is done 64 times before `begin`, so that what happens once is over.

#include "adder.h"

static uint32_t calls;
static uint32_t surprises;
static volatile uint32_t upcalls;

static void expect(bool as_expected) {
    calls++;
    surprises += !as_expected;
}

static void on_upcall(uint32_t a, uint32_t b, uint32_t c, void *data) {
    (void)a, (void)b, (void)c, (void)data;
    upcalls++;
}

// Alarm and console together take a while; the other calls come many times for each of them.
static void one_round(void) {
    enum { ALARM_SET_RELATIVE = 5, CONSOLE_WRITE = 1, WRITE_DONE = 1, WRITE_BUFFER = 1 };
    static uint8_t buffer[16];

    for (uint32_t i = 0; i < 8; i++) {
        led_toggle(i & 1);
        expect(true);
        expect(command(DRIVER_LED, 0, 0, 0).variant == SUCCESS_U32);
        expect(command(DRIVER_LED, 1, 1000, 0).a == E_INVAL);
        expect(command(DRIVER_ALARM, 2, 0, 0).variant == SUCCESS_U32);
        expect(command(DRIVER_BUTTON, 3, 3, 0).variant == SUCCESS_U32);
        expect(command(DRIVER_GPIO, 4, 7, 0).variant == SUCCESS);
        expect(command(DRIVER_GPIO, 6, 7, 0).variant == SUCCESS_U32);
        expect(!yield_no_wait());
        expect(allow_ro(DRIVER_CONSOLE, WRITE_BUFFER, buffer, sizeof buffer).variant == SUCCESS_2_U32);
        expect(allow_ro(DRIVER_CONSOLE, WRITE_BUFFER, NULL, 0).b == sizeof buffer);
        expect(allow_rw(DRIVER_CONSOLE, 1, buffer, sizeof buffer).variant == SUCCESS_2_U32);
        expect(allow_rw(DRIVER_CONSOLE, 1, NULL, 0).b == sizeof buffer);
        expect(subscribe(DRIVER_CONSOLE, WRITE_DONE, on_upcall, buffer).variant == SUCCESS_2_U32);
        expect(subscribe(DRIVER_CONSOLE, WRITE_DONE, NULL, NULL).b == (uintptr_t)buffer);
        expect(memop(MEMOP_RAM_START, 0).variant == SUCCESS_U32);
        expect(memop(MEMOP_SBRK, 0).variant == SUCCESS_U32);
        expect(command(0xdead, 0, 0, 0).a == E_NODEVICE);
    }
    subscribe(DRIVER_ALARM, 0, on_upcall, NULL);
    expect(command(DRIVER_ALARM, ALARM_SET_RELATIVE, 1, 0).variant == SUCCESS_U32);
    uint32_t before = upcalls;
    yield_wait();
    expect(upcalls == before + 1);

    expect(succeeded(command(DRIVER_CONSOLE, CONSOLE_WRITE, 0, 0)));
    expect(yield_wait_for(DRIVER_CONSOLE, WRITE_DONE).a == 0);

    enum { RNG_GET = 1, RNG_READY = 0, STORAGE_READ = 2, STORAGE_WRITE = 3, STORAGE_READ_DONE = 0, STORAGE_WRITE_DONE = 1 };
    allow_rw(DRIVER_RNG, 0, buffer, sizeof buffer);
    expect(succeeded(command(DRIVER_RNG, RNG_GET, sizeof buffer, 0)));
    expect(yield_wait_for(DRIVER_RNG, RNG_READY).b == sizeof buffer);
    allow_rw(DRIVER_RNG, 0, NULL, 0);
    allow_ro(DRIVER_NONVOLATILE_STORAGE, 0, buffer, sizeof buffer);
    expect(succeeded(command(DRIVER_NONVOLATILE_STORAGE, STORAGE_WRITE, calls % 2000, sizeof buffer)));
    expect(yield_wait_for(DRIVER_NONVOLATILE_STORAGE, STORAGE_WRITE_DONE).a == sizeof buffer);
    allow_ro(DRIVER_NONVOLATILE_STORAGE, 0, NULL, 0);
    allow_rw(DRIVER_NONVOLATILE_STORAGE, 0, buffer, sizeof buffer);
    expect(succeeded(command(DRIVER_NONVOLATILE_STORAGE, STORAGE_READ, calls % 2000, sizeof buffer)));
    expect(yield_wait_for(DRIVER_NONVOLATILE_STORAGE, STORAGE_READ_DONE).a == sizeof buffer);
    allow_rw(DRIVER_NONVOLATILE_STORAGE, 0, NULL, 0);

    subscribe(DRIVER_CONSOLE, WRITE_DONE, on_upcall, NULL);
    expect(succeeded(command(DRIVER_CONSOLE, CONSOLE_WRITE, 0, 0)));
    before = upcalls;
    yield_wait();
    expect(upcalls == before + 1);
    subscribe(DRIVER_CONSOLE, WRITE_DONE, NULL, NULL);
    calls += 7;
}

int main(void) {
    uint32_t wanted = parse_number(app_argument(), 20000);
    for (uint32_t i = 0; i < 64; i++) {
        one_round();
    }
    calls = 0;
    print("steady: begin\n");
    while (calls < wanted) {
        one_round();
    }
    print("steady: end, %u calls, %u surprises\n", (unsigned)calls, (unsigned)surprises);
    for (;;) {
        yield_wait();
    }
}
