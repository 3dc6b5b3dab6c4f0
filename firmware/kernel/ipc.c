// IPC. A process tells another that it has something for it; the buffer that it has allowed for that
// peer becomes accessible to the peer when the notification is delivered, not before: the peer may
// not have subscribed yet, the buffer may still change.

#include <string.h>

#include "core/context_switch.h"
#include "kernel/capsule.h"
#include "kernel/ipc.h"
#include "kernel/syscall.h"

enum { NOTIFY_SERVICE = 2, NOTIFY_CLIENT = 3, FETCH = 4, STORE = 5, LIFE = 6 };

#define MOST_AT_ONCE (2048) // bytes: some 12,000 instructions at worst

// What `process` has allowed for a peer; for itself, what FETCH and STORE use. Nothing if it has never used the driver.
static allowed_t allowed(const process_t *process, unsigned driver, unsigned peer) {
    const uint32_t *grant = process->grants[driver];
    return grant == NULL ? (allowed_t) { 0, 0 } : ((const allowed_t *)(grant + drivers[driver].read_write_at))[peer];
}

// Copy from what the peer has allowed for this process to what this one has allowed for itself, or back.
// Safety: each range was checked against its owner's memory when it was allowed, and both live.
static uint32_t copy(const process_t *process, const process_t *peer, unsigned driver, bool fetch) {
    allowed_t ours = allowed(process, driver, process->slot), theirs = allowed(peer, driver, process->slot);
    uint32_t length = MIN(MIN(ours.length, theirs.length), MOST_AT_ONCE);
    memmove((void *)(fetch ? ours.address : theirs.address), (const void *)(fetch ? theirs.address : ours.address), length);
    return length;
}

bool ipc_command(process_t *process, exception_frame_t *frame) {
    uint32_t command = frame->r1, peer = frame->r2;
    if (command < NOTIFY_SERVICE || command > LIFE) {
        return false;
    }
    unsigned driver = driver_find(frame->r0) - drivers;
    if (peer >= CONFIG_MAX_PROCESSES || !process_alive(&processes[peer])) {
        syscall_fail(frame, ERROR_INVAL);
    } else if (command == LIFE) {
        syscall_succeed_u32(frame, processes[peer].id);
    } else if (command >= FETCH) {
        syscall_succeed_u32(frame, copy(process, &processes[peer], driver, command == FETCH));
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
        if (process_share(process, buffer->address, buffer->length) != SHARE_IMPOSSIBLE) {
            process->sharers |= 1u << sender->slot;
            upcall->args[1] = buffer->length;
            upcall->args[2] = buffer->address;
        }
    }
}

// Safety: as above; a sender that has ended is no sharer any more. What is there already is not what the access lacks,
// so no access faults twice for one buffer.
bool ipc_reach(process_t *process, uint32_t address) {
    for (uint32_t sharers = process->sharers; sharers != 0; sharers &= sharers - 1) {
        const process_t *sender = &processes[__builtin_ctz(sharers)];
        for (unsigned i = 0; i < driver_count; i++) {
            if (drivers[i].core_command == ipc_command) {
                allowed_t buffer = allowed(sender, i, process->slot);
                if (address - buffer.address < buffer.length) {
                    return process_share(process, buffer.address, buffer.length) == SHARE_NEW;
                }
            }
        }
    }
    return false;
}
