// Upcalls: calls of a process's functions by the kernel.

#ifndef ADDER_KERNEL_UPCALL_H
#define ADDER_KERNEL_UPCALL_H

#include "core/process.h"

// Queue an upcall, or deliver it if the process waits for it. False if there was no place for it.
bool process_schedule_upcall(process_t *process, unsigned driver, unsigned number, const uint32_t args[3]);
bool process_schedule_ipc(process_t *process, unsigned driver, unsigned number, uint32_t from);

// Whether the answer to an earlier command of this kind waits in a place: that of another one might find none.
bool process_must_collect(const process_t *process, unsigned driver, uint32_t command);

// Forget what a process that has ended has told others: it is not for its next life, or its slot's next program, to
// stand for. As a client they reach that once it has notified them.
void upcall_silence(const process_t *process);

// Forget the queued function upcalls of one subscription.
void process_drop_upcalls(process_t *process, unsigned driver, unsigned number);

// Deliver a waiting upcall into `frame`, the frame of the yield. True if one will run.
bool process_deliver_upcall(process_t *process, exception_frame_t *frame);
bool process_take_upcall_for(process_t *process, exception_frame_t *frame);

#endif
