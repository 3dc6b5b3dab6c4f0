// Ping: the client of the pair ping and pong.
//
// Shows:   IPC: finding a service by name, lending it memory, notifying it, being notified.
// Build:   make apps                  (build/apps/ping.tbf)
// Run:     make run APPS="ping pong"
// Expect:  ping: 100 round trips, 14 ms
//          ping: 200 round trips, 14 ms
//          … a line a second; the time is that of the last hundred.
//
// Every answer is checked: pong must have added 1 to the counter in the shared memory.
// The argument is the number of round trips a second; 100 if there is none.

#include "adder.h"

// An MPU region covers this for pong: a power of two, aligned to its size.
static uint32_t shared[16] __attribute__((aligned(64)));

static volatile bool answered;

static void on_answer(uint32_t service, uint32_t length, uint32_t address, void *data) {
    (void)service, (void)length, (void)address, (void)data;
    answered = true;
}

int main(void) {
    uint32_t burst = parse_number(app_argument(), 100);
    uint32_t pong;
    while (!ipc_discover("pong", &pong)) {
        sleep_ms(100); // not started yet
    }
    if (ipc_on_notify(pong, on_answer, NULL) != OK || ipc_share(pong, shared, sizeof shared) != OK) {
        print("ping: pong cannot be reached\n");
        return E_FAIL;
    }
    for (uint32_t trips = 0;;) {
        uint32_t start = alarm_now();
        for (uint32_t i = 0; i < burst; i++) {
            uint32_t sent = trips;
            ((volatile uint32_t *)shared)[0] = sent;
            answered = false;
            uint32_t error = ipc_notify_service(pong);
            if (error != OK) {
                print("ping: pong is gone, error %u\n", (unsigned)error);
                return (int)error;
            }
            while (!answered) {
                yield_wait();
            }
            trips++;
            if (((volatile uint32_t *)shared)[0] != sent + 1) {
                print("ping: wrong answer in round trip %u\n", (unsigned)trips);
                return E_FAIL;
            }
        }
        print("ping: %u round trips, %u ms\n", (unsigned)trips, (unsigned)ticks_to_ms(alarm_now() - start));
        sleep_ms(1000);
    }
}
