// Bench-service: answers each IPC notification with one.
//
// Shows:   the service's side of the IPC round trip that bench measures.
// Build:   make apps                  (build/apps/bench-service.tbf)
// Run:     make bench
// Expect:  nothing on the console.

#include "adder.h"

static void on_request(uint32_t client, uint32_t length, uint32_t address, void *data) {
    (void)length, (void)address, (void)data;
    ipc_notify_client(client);
}

int main(void) {
    uint32_t self;
    if (!ipc_discover("bench-service", &self)) {
        return E_NODEVICE;
    }
    ipc_on_notify(self, on_request, NULL);
    for (;;) {
        yield_wait();
    }
}
