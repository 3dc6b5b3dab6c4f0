// What processes share by IPC.

#ifndef ADDER_KERNEL_IPC_SHARE_H
#define ADDER_KERNEL_IPC_SHARE_H

#include "core/process.h"

// What `process` has allowed for a peer; for itself, what FETCH and STORE use. Nothing if it has never used the driver.
allowed_t ipc_allowed(const process_t *process, unsigned driver, unsigned peer);

// Fill in an IPC upcall that `process` is about to receive: function, length and address of the
// buffer, to which it gets access.
void ipc_resolve(process_t *process, upcall_t *upcall);

// `process` has touched `address` and may not. True if that is shared with it, and now it may: more can be shared with a
// process than it has MPU regions for.
bool ipc_reach(process_t *process, uint32_t address);

// The process has gone for good, and its slot may be another's soon. What others had allowed and subscribed for it is
// void, and they do not take its successor for it: as a service they reach that once they have found it. (As a client, as
// one that has begun anew: upcall_silence().)
void ipc_forget(const process_t *gone);

#endif
