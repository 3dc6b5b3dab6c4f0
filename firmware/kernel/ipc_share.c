// What processes share by IPC. A process tells another that it has something for it; the buffer that it has allowed for
// that peer becomes accessible to the peer when the notification is delivered, not before: the peer may not have
// subscribed yet, the buffer may still change.

#include "kernel/driver.h"
#include "kernel/ipc_share.h"
#include "kernel/process_memory.h"

// Safety: the record lies in the process's RAM where only the kernel writes, and what stands in it was checked.
allowed_t ipc_allowed(const process_t *process, unsigned driver, unsigned peer) {
    const uint32_t *grant = process->grants[driver];
    return grant == NULL ? (allowed_t) { 0, 0 } : ((const allowed_t *)(grant + drivers[driver].shape.at[GRANT_READ_WRITE]))[peer];
}

// Safety: the range was checked against the sender's memory when it was allowed and the sender lives.
void ipc_resolve(process_t *process, upcall_t *upcall) {
    const process_t *sender = processes[upcall->args[0]];
    const driver_t *driver = &drivers[upcall->driver];
    if (process->strangers != 0) {
        process->strangers &= ~(1u << sender->slot);
    }
    if (process_alive(sender) && sender->grants[upcall->driver] != NULL && sender != process) {
        const allowed_t *buffer = (allowed_t *)(sender->grants[upcall->driver] + driver->shape.at[GRANT_READ_WRITE]) + process->slot;
        if (process_share(process, buffer->address, buffer->length) != SHARE_IMPOSSIBLE) {
            process->sharers |= 1u << sender->slot;
            upcall->args[1] = buffer->length;
            upcall->args[2] = buffer->address;
        }
    }
}

// Safety: as above; a sender that has ended is no longer a sharer. What is there already is not what the access lacks,
// so no access faults twice for one buffer.
bool ipc_reach(process_t *process, uint32_t address) {
    for (uint32_t sharers = process->sharers; sharers != 0; sharers &= sharers - 1) {
        const process_t *sender = processes[__builtin_ctz(sharers)];
        for (unsigned i = 0; i < driver_count; i++) {
            if (drivers[i].core_command != NULL) {
                allowed_t buffer = ipc_allowed(sender, i, process->slot);
                if (address - buffer.address < buffer.length) {
                    return process_share(process, buffer.address, buffer.length) == SHARE_NEW;
                }
            }
        }
    }
    return false;
}

// Safety: a pair lies in the other's record, of which there is one for each slot: mint.share_memory() has seen to that.
void ipc_forget(const process_t *gone) {
    for (unsigned i = 0; i < CONFIG_MAX_PROCESSES; i++) {
        process_t *process = processes[i];
        if (process->state == PROCESS_UNUSED) {
            continue;
        }
        process->unfound |= 1u << gone->slot;
        for (unsigned j = 0; j < driver_count; j++) {
            uint32_t *grant = process->grants[j];
            if (grant != NULL && drivers[j].core_command != NULL) {
                uint32_t *subscribed = grant + 2 * gone->slot, *allowed = subscribed + drivers[j].shape.at[GRANT_READ_WRITE];
                subscribed[0] = subscribed[1] = allowed[0] = allowed[1] = 0;
            }
        }
    }
}
