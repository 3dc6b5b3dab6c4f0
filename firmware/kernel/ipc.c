// IPC. A process tells another that it has something for it; the buffer that it has allowed for that
// peer becomes accessible to the peer when the notification is delivered, not before: the peer may
// not have subscribed yet, the buffer may still change.

#include "core/context_switch.h"
#include "kernel/capsule.h"
#include "kernel/ipc.h"
#include "kernel/syscall.h"

enum { NOTIFY_SERVICE = 2, NOTIFY_CLIENT = 3 };

bool ipc_command(process_t *process, exception_frame_t *frame) {
    uint32_t command = frame->r1, peer = frame->r2;
    if (command != NOTIFY_SERVICE && command != NOTIFY_CLIENT) {
        return false;
    }
    unsigned driver = driver_find(frame->r0) - drivers;
    if (peer >= CONFIG_MAX_PROCESSES || !process_alive(&processes[peer])) {
        syscall_fail(frame, ERROR_INVAL);
    } else if (!process_schedule_ipc(&processes[peer], driver, command == NOTIFY_SERVICE ? peer : process->slot, process->slot)) {
        syscall_fail(frame, ERROR_NOMEM);
    } else {
        frame->r0 = RETURN_SUCCESS;
    }
    return true;
}

// Safety: the range was checked against the sender's memory when it was allowed and the sender lives.
void ipc_resolve(process_t *process, upcall_t *upcall) {
    const process_t *sender = &processes[upcall->args[0]];
    const driver_t *driver = &drivers[upcall->driver];
    if (process_alive(sender) && sender->grants[upcall->driver] != NULL && sender != process) {
        const allowed_t *buffer = (allowed_t *)(sender->grants[upcall->driver] + driver->read_write_at) + process->slot;
        if (process_share(process, buffer->address, buffer->length)) {
            upcall->args[1] = buffer->length;
            upcall->args[2] = buffer->address;
        }
    }
}
