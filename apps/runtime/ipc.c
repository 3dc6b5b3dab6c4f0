// Messages between processes: notifications, and memory lent to the other side.

#include "adder.h"

enum { DISCOVER = 1, NOTIFY_SERVICE = 2, NOTIFY_CLIENT = 3 };
enum { NAME_BUFFER = 0 };

bool ipc_discover(const char *name, uint32_t *index) {
    if (!succeeded(allow_ro(DRIVER_IPC, NAME_BUFFER, name, strlen(name)))) {
        return false;
    }
    result_t r = command(DRIVER_IPC, DISCOVER, 0, 0);
    allow_ro(DRIVER_IPC, NAME_BUFFER, NULL, 0);
    *index = r.a;
    return succeeded(r);
}

uint32_t ipc_share(uint32_t index, void *start, size_t length) {
    return error_of(allow_rw(DRIVER_IPC, index, start, length));
}

uint32_t ipc_on_notify(uint32_t index, upcall_t function, void *data) {
    return error_of(subscribe(DRIVER_IPC, index, function, data));
}

uint32_t ipc_notify_service(uint32_t index) {
    return error_of(command(DRIVER_IPC, NOTIFY_SERVICE, index, 0));
}

uint32_t ipc_notify_client(uint32_t index) {
    return error_of(command(DRIVER_IPC, NOTIFY_CLIENT, index, 0));
}
