// Bench-spin: computes for ever, in a loop that an instruction trace can recognise.
//
// Shows:   what the end of a time slice costs, when two of these run side by side.
// Build:   make apps                  (build/apps/bench-spin.tbf, bench-spin2.tbf)
// Run:     make bench
// Expect:  nothing on the console. In the trace, what lies between one app's
//          bench_spin_loop and the other's is the switch. Beside bench it spins only when
//          bench is done and says so.

#include "adder.h"

__attribute__((noreturn, noinline)) void bench_spin_loop(void);

void bench_spin_loop(void) {
    for (;;) {
        __asm__ volatile("");
    }
}

static void on_release(uint32_t from, uint32_t length, uint32_t address, void *data) {
    (void)from, (void)length, (void)address, (void)data;
}

int main(void) {
    size_t length;
    const char *name = app_name(&length);
    char own_name[16];
    format_text(own_name, sizeof own_name, "%.*s", (int)length, name);
    uint32_t bench;
    uint32_t self;
    if (ipc_discover("bench", &bench) && ipc_discover(own_name, &self)) {
        ipc_on_notify(self, on_release, NULL);
        yield_wait();
    }
    bench_spin_loop();
}
