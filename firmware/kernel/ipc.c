// IPC: commands 2 to 8 of the driver, which touch memory. The rest is a capsule's (capsules/core/ipc.py).

#include <string.h>

#include "core/alleged.h"
#include "kernel/abi.h"
#include "kernel/driver.h"
#include "kernel/ipc.h"
#include "kernel/ipc_share.h"
#include "kernel/upcall.h"

enum { NOTIFY_SERVICE = 2, NOTIFY_CLIENT = 3, FETCH = 4, STORE = 5, LIFE = 6, ASK = 7, ANSWER = 8 };

#define MOST_AT_ONCE (2048) // bytes: some 12,000 instructions at worst

// Copy from what the peer has allowed for this process to what this one has allowed for itself, or back.
// Safety: each range was checked against its owner's memory when it was allowed, and both live.
static uint32_t copy(const process_t *process, const process_t *peer, unsigned driver, bool fetch) {
    allowed_t ours = ipc_allowed(process, driver, process->slot), theirs = ipc_allowed(peer, driver, process->slot);
    uint32_t length = MIN(MIN(ours.length, theirs.length), MOST_AT_ONCE);
    memmove(allowed_bytes(fetch ? ours : theirs), allowed_bytes(fetch ? theirs : ours), length);
    return length;
}

#define IS_FOR_SERVICE(command) ((command) == NOTIFY_SERVICE || (command) == ASK)

bool ipc_command(process_t *process, exception_frame_t *frame, unsigned driver) {
    uint32_t command = frame->r1, peer = frame->r2;
    if (command < NOTIFY_SERVICE || command > ANSWER) {
        return false;
    }
    if (peer >= CONFIG_MAX_PROCESSES || !process_alive(processes[peer])
        || (command != LIFE && (IS_FOR_SERVICE(command) ? process->unfound : process->strangers) >> peer & 1)) {
        syscall_fail(frame, ERROR_INVAL);
    } else if (command > NOTIFY_CLIENT && command < ASK) {
        syscall_succeed_u32(frame, command == LIFE ? processes[peer]->id : copy(process, processes[peer], driver, command == FETCH));
    } else {
        if (command == ANSWER) {
            copy(process, processes[peer], driver, false);
        }
        if (!process_schedule_ipc(processes[peer], driver, IS_FOR_SERVICE(command) ? peer : process->slot, process->slot)) {
            syscall_fail(frame, ERROR_NOMEM);
        } else if (command == ASK) {
            syscall_succeed_u32(frame, processes[peer]->id);
        } else {
            frame->r0 = RETURN_SUCCESS;
        }
    }
    return true;
}
