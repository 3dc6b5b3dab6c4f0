// A client in C of the service rot13-py, which is in Python.
//
// Shows:   IPC across languages.
// Build:   make apps                  (build/apps/rot13-client.tbf)
// Run:     make run APPS="rot13-py rot13-client"
// Expect:  rot13 for C: Hello from C
//          rot13 for C: Uryyb sebz P
//          … a line a second, in turns.

#include "adder.h"

static char text[32] __attribute__((aligned(32))) = "Uryyb sebz P";

static volatile bool answered;

static void on_answer(uint32_t service, uint32_t length, uint32_t address, void *data) {
    (void)service, (void)length, (void)address, (void)data;
    answered = true;
}

int main(void) {
    uint32_t service;
    while (!ipc_discover("rot13-py", &service)) {
        sleep_ms(100); // not started yet
    }
    if (ipc_on_notify(service, on_answer, NULL) != OK || ipc_share(service, text, sizeof text) != OK) {
        print("rot13-client: the service cannot be reached\n");
        return E_FAIL;
    }
    for (;;) {
        answered = false;
        if (ipc_notify_service(service) != OK) {
            print("rot13-client: the service is gone\n");
            return E_FAIL;
        }
        while (!answered) {
            yield_wait();
        }
        print("rot13 for C: %s\n", text);
        sleep_ms(1000);
    }
}
