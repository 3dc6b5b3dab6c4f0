// Pong: the service of the pair ping and pong.
//
// Shows:   an IPC service: it is called with memory of its client, works on that
//          memory in place, and notifies the client.
// Build:   make apps                  (build/apps/pong.tbf)
// Run:     make run APPS="ping pong"
// Expect:  pong: ready
//          and then the client's lines; see ping.

#include "adder.h"

// A client is process `client`; its shared memory holds a counter that we add 1 to.
static void on_request(uint32_t client, uint32_t length, uint32_t address, void *data) {
    (void)data;
    if (length >= sizeof(uint32_t)) {
        volatile uint32_t *counter = (volatile uint32_t *)address;
        *counter += 1;
    }
    ipc_notify_client(client);
}

int main(void) {
    size_t length;
    const char *name = app_name(&length);
    char own_name[32];
    format_text(own_name, sizeof own_name, "%.*s", (int)length, name);

    uint32_t self;
    if (!ipc_discover(own_name, &self) || ipc_on_notify(self, on_request, NULL) != OK) {
        print("%s: there is no IPC\n", own_name);
        return E_NODEVICE;
    }
    print("%s: ready\n", own_name);
    for (;;) {
        yield_wait();
    }
}
