// Bench: does each operation of the benchmark, between two marks, many times.
//
// Shows:   what system calls cost. `make bench` runs it under an instruction trace and counts
//          what lies between bench_begin_X and bench_end_X (see marks.S).
// Build:   make apps                  (build/apps/bench.tbf)
// Run:     make bench
// Expect:  bench: begin
//          bench: done
//          With bench-service beside it the IPC round trip is measured, too; else the line
//          bench: no bench-service
//          comes before the last. At the end the bench-spin apps, which wait until then so
//          that they take no time from the others, are told to spin.
//
// Each operation runs three times before it is measured, so that what happens once (a grant
// allocated, a buffer made) is over. The calls are inline: between the marks lie the svc,
// the few instructions that fill its registers, and the calls of the marks themselves.
// The argument is how often each operation is measured; 16 if there is none.

#include "adder.h"

enum { ALARM_EXPIRED = 0, ALARM_NOW = 2, ALARM_SET_RELATIVE = 5 };
enum { CONSOLE_WRITE = 1, WRITE_DONE = 1, WRITE_BUFFER = 1 };
enum { LED_COUNT = 0, LED_TOGGLE = 3 };
enum { IPC_NOTIFY_SERVICE = 2 };

#define BENCH(name, operation)                   \
    do {                                         \
        void bench_begin_##name(void);           \
        void bench_end_##name(void);             \
        operation;                               \
        operation;                               \
        operation;                               \
        for (uint32_t i = 0; i < rounds; i++) {  \
            bench_begin_##name();                \
            operation;                           \
            bench_end_##name();                  \
        }                                        \
    } while (0)

void bench_alarm_upcall(uint32_t now, uint32_t expiry, uint32_t unused, void *data);

static uint8_t buffer[64];

static void on_upcall(uint32_t a, uint32_t b, uint32_t c, void *data) {
    (void)a, (void)b, (void)c, (void)data;
}

static void release(const char *name) {
    uint32_t index;
    if (ipc_discover(name, &index)) {
        ipc_notify_service(index);
    }
}

static void find_service(uint32_t *service, bool *found) {
    for (uint32_t tries = 0; tries < 10; tries++) {
        *found = ipc_discover("bench-service", service);
        if (*found) {
            return;
        }
        sleep_ms(20);
    }
}

int main(void) {
    uint32_t rounds = parse_number(app_argument(), 16);
    print("bench: begin\n");

    BENCH(null_command, command(DRIVER_LED, LED_COUNT, 0, 0));
    BENCH(led_toggle, command(DRIVER_LED, LED_TOGGLE, 0, 0));
    BENCH(alarm_get_time, command(DRIVER_ALARM, ALARM_NOW, 0, 0));
    BENCH(yield_no_wait, ADDER_YIELD(YIELD_NO_WAIT, 0, 0));
    BENCH(allow_swap, allow_ro(DRIVER_CONSOLE, WRITE_BUFFER, buffer, sizeof buffer));
    allow_ro(DRIVER_CONSOLE, WRITE_BUFFER, NULL, 0);
    BENCH(subscribe_swap, subscribe(DRIVER_CONSOLE, WRITE_DONE, on_upcall, NULL));
    BENCH(memop, memop(MEMOP_RAM_START, 0));
    BENCH(console_write_upcall, (command(DRIVER_CONSOLE, CONSOLE_WRITE, 0, 0), yield_wait()));
    subscribe(DRIVER_CONSOLE, WRITE_DONE, NULL, NULL);

    subscribe(DRIVER_ALARM, ALARM_EXPIRED, bench_alarm_upcall, NULL);
    for (uint32_t i = 0; i < rounds + 3; i++) {
        command(DRIVER_ALARM, ALARM_SET_RELATIVE, 100000, 0);
        yield_wait();
    }
    subscribe(DRIVER_ALARM, ALARM_EXPIRED, NULL, NULL);

    uint32_t service = 0;
    bool found = false;
    find_service(&service, &found);
    if (found) {
        sleep_ms(20); // let it subscribe
        ipc_on_notify(service, on_upcall, NULL);
        BENCH(ipc_round_trip, (command(DRIVER_IPC, IPC_NOTIFY_SERVICE, service, 0), yield_wait()));
    } else {
        print("bench: no bench-service\n");
    }

    print("bench: done\n");
    release("bench-spin");
    release("bench-spin2");
    for (;;) {
        yield_wait();
    }
}
