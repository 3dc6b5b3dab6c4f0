// Upcalls: calls of a process's functions by the kernel.

#include "core/context_switch.h"
#include "kernel/driver.h"
#include "kernel/ipc_share.h"
#include "kernel/schedule.h"
#include "kernel/upcall.h"

#define XPSR_THUMB (1u << 24)
#define XPSR_STACK_ALIGNED (1u << 9) // the hardware has inserted a word below the frame (B1.5.7)

static void wake(process_t *process) {
    process->state = PROCESS_RUNNING;
    schedule_update(process);
    context_switch_request();
}

// Make `frame`, which the yield's SVC has stacked, the beginning of the function: it returns to
// where the yield would have.
static void enter_function(exception_frame_t *frame, const subscription_t *subscription, const upcall_t *upcall) {
    frame->r0 = upcall->args[0];
    frame->r1 = upcall->args[1];
    frame->r2 = upcall->args[2];
    frame->r3 = subscription->appdata;
    frame->lr = frame->pc | 1;
    frame->pc = subscription->function & ~1u;
    frame->psr = (frame->psr & XPSR_STACK_ALIGNED) | XPSR_THUMB; // an IT block does not reach into it
}

static const subscription_t *subscription_of(const process_t *process, unsigned driver, unsigned number) {
    const uint32_t *grant = process->grants[driver];
    return grant == NULL ? NULL : (const subscription_t *)grant + number;
}

// What is subscribed now is what was when the upcall came, unless nothing was: a new subscription drops it.
static bool run(process_t *process, exception_frame_t *frame, upcall_t *upcall) {
    if (upcall->kind == UPCALL_IPC) {
        ipc_resolve(process, upcall);
    }
    const subscription_t *subscription = subscription_of(process, upcall->driver, upcall->number);
    if (upcall->kind == UPCALL_NULL || subscription == NULL || subscription->function == 0) {
        return false;
    }
    enter_function(frame, subscription, upcall);
    return true;
}

static upcall_t *queue_at(process_t *process, unsigned i) {
    return &process->queue[(process->queue_head + i) % CONFIG_UPCALL_QUEUE_LENGTH];
}

// -- Places: an answer to a command is never lost, however many events the queue is full of.

// Safety: the process has a record of this driver: its callers look.
static place_t *places(const process_t *process, unsigned driver) {
    return (place_t *)(process->grants[driver] + drivers[driver].shape.fields_at) - drivers[driver].shape.answers;
}

// The queue is full. An answer waits in a place; where no command may be refused (an alarm can always be set
// anew), the newest one in the place of the older.
static bool put_in_place(process_t *process, const upcall_t *upcall) {
    const driver_t *driver = &drivers[upcall->driver];
    if (process->grants[upcall->driver] != NULL) {
        place_t *place = places(process, upcall->driver);
        for (unsigned i = 0; i < driver->shape.answers; i++, place++) {
            bool free = place->kind == UPCALL_EMPTY;
            if (free || (driver->shape.asks_count == 0 && place->number == upcall->number)) {
                process->placed += free;
                process->dropped_upcalls += !free;
                process->look |= LOOK_PLACES;
                *place = (place_t) { upcall->kind, upcall->number, free ? process->turn++ : place->turn,
                    { upcall->args[0], upcall->args[1], upcall->args[2] } };
                return true;
            }
        }
    }
    process->dropped_upcalls++;
    return false;
}

// Empty a place into `upcall`.
static void take_from(process_t *process, unsigned driver, place_t *place, upcall_t *upcall) {
    *upcall = (upcall_t) { place->kind, driver, place->number, { place->args[0], place->args[1], place->args[2] } };
    place->kind = UPCALL_EMPTY;
    if (--process->placed == 0) {
        process->look &= ~LOOK_PLACES;
    }
}

bool process_must_collect(const process_t *process, unsigned driver, uint32_t command) {
    int number = grant_answer(&drivers[driver].shape, command);
    for (unsigned i = 0; number >= 0 && process->grants[driver] != NULL && i < drivers[driver].shape.answers; i++) {
        const place_t *place = &places(process, driver)[i];
        if (place->kind != UPCALL_EMPTY && place->number == number) {
            return true;
        }
    }
    return false;
}

// The queue has room: what has waited longest in a place goes there.
static void refill(process_t *process) {
    while (process->placed != 0 && process->queue_length < CONFIG_UPCALL_QUEUE_LENGTH) {
        place_t *oldest = NULL;
        unsigned of = 0;
        for (unsigned driver = 0; driver < driver_count; driver++) {
            for (unsigned i = 0; process->grants[driver] != NULL && i < drivers[driver].shape.answers; i++) {
                place_t *place = &places(process, driver)[i];
                if (place->kind != UPCALL_EMPTY && (oldest == NULL || (int16_t)(place->turn - oldest->turn) < 0)) {
                    oldest = place;
                    of = driver;
                }
            }
        }
        take_from(process, of, oldest, queue_at(process, process->queue_length));
        process->queue_length++;
    }
}

// -- The queue

bool process_deliver_upcall(process_t *process, exception_frame_t *frame) {
    while (process->queue_length != 0) {
        upcall_t *upcall = &process->queue[process->queue_head];
        process->queue_head = (process->queue_head + 1) % CONFIG_UPCALL_QUEUE_LENGTH;
        process->queue_length--;
        bool ran = run(process, frame, upcall);
        if (process->placed != 0) {
            refill(process);
        }
        if (ran) {
            return true;
        }
    }
    return false;
}

static bool matches(const process_t *process, const upcall_t *upcall) {
    return drivers[upcall->driver].number == process->waiting_driver && upcall->number == process->waiting_number;
}

static void give_arguments(process_t *process, exception_frame_t *frame, upcall_t *upcall) {
    if (upcall->kind == UPCALL_IPC) {
        ipc_resolve(process, upcall);
    }
    frame->r0 = upcall->args[0];
    frame->r1 = upcall->args[1];
    frame->r2 = upcall->args[2];
}

static void queue_remove(process_t *process, unsigned i) {
    for (process->queue_length--; i < process->queue_length; i++) {
        *queue_at(process, i) = *queue_at(process, i + 1);
    }
}

bool process_take_upcall_for(process_t *process, exception_frame_t *frame) {
    for (unsigned i = 0; i < process->queue_length; i++) {
        if (matches(process, queue_at(process, i))) {
            give_arguments(process, frame, queue_at(process, i));
            queue_remove(process, i);
            refill(process);
            return true;
        }
    }
    if (process->placed != 0) {
        const driver_t *driver = driver_find(process->waiting_driver);
        unsigned index = driver - drivers;
        for (unsigned i = 0; driver != NULL && process->grants[index] != NULL && i < driver->shape.answers; i++) {
            place_t *place = &places(process, index)[i];
            if (place->kind != UPCALL_EMPTY && place->number == process->waiting_number) {
                upcall_t upcall;
                take_from(process, index, place, &upcall);
                give_arguments(process, frame, &upcall);
                return true;
            }
        }
    }
    return false;
}

void process_drop_upcalls(process_t *process, unsigned driver, unsigned number) {
    for (unsigned i = 0; process->placed != 0 && i < drivers[driver].shape.answers; i++) {
        place_t *place = &places(process, driver)[i];
        if (place->kind == UPCALL_FUNCTION && place->number == number) {
            upcall_t dropped;
            take_from(process, driver, place, &dropped);
        }
    }
    for (unsigned i = 0; i < process->queue_length;) {
        const upcall_t *upcall = queue_at(process, i);
        if (upcall->kind == UPCALL_FUNCTION && upcall->driver == driver && upcall->number == number) {
            queue_remove(process, i);
        } else {
            i++;
        }
    }
    refill(process);
}

void upcall_silence(const process_t *process) {
    for (unsigned i = 0; i < CONFIG_MAX_PROCESSES; i++) {
        process_t *other = processes[i];
        for (unsigned j = 0; other->state != PROCESS_UNUSED && j < other->queue_length;) {
            const upcall_t *upcall = queue_at(other, j);
            if (upcall->kind == UPCALL_IPC && upcall->args[0] == process->slot) {
                queue_remove(other, j);
            } else {
                j++;
            }
        }
        if (other->state != PROCESS_UNUSED) {
            other->strangers |= 1u << process->slot;
            refill(other);
        }
    }
}

static bool schedule(process_t *process, upcall_t *upcall) {
    if (!process_alive(process)) {
        return false;
    }
    if (process->state == PROCESS_YIELDED_FOR && matches(process, upcall)) {
        give_arguments(process, context_frame(process), upcall);
        wake(process);
    } else if (process->state == PROCESS_YIELDED) {
        if (run(process, context_frame(process), upcall)) {
            wake(process);
        }
    } else if (process->queue_length == CONFIG_UPCALL_QUEUE_LENGTH) {
        return put_in_place(process, upcall);
    } else {
        *queue_at(process, process->queue_length) = *upcall;
        process->queue_length++;
    }
    return true;
}

bool process_schedule_upcall(process_t *process, unsigned driver, unsigned number, const uint32_t args[3]) {
    const subscription_t *subscription = subscription_of(process, driver, number);
    bool none = subscription == NULL || subscription->function == 0;
    upcall_t upcall = { none ? UPCALL_NULL : UPCALL_FUNCTION, driver, number, { args[0], args[1], args[2] } };
    return schedule(process, &upcall);
}

// Notifications may not crowd out what the kernel owes the process, nor one sender the others.
#define QUEUE_KEPT_FROM_IPC (CONFIG_UPCALL_QUEUE_LENGTH / 2)
#define IPC_QUEUED_PER_SENDER (2)

bool process_schedule_ipc(process_t *process, unsigned driver, unsigned number, uint32_t from) {
    unsigned queued = 0, by_sender = 0;
    for (unsigned i = 0; i < process->queue_length; i++) {
        const upcall_t *waiting = queue_at(process, i);
        queued += waiting->kind == UPCALL_IPC;
        by_sender += waiting->kind == UPCALL_IPC && waiting->args[0] == from;
    }
    if (queued == CONFIG_UPCALL_QUEUE_LENGTH - QUEUE_KEPT_FROM_IPC || by_sender == IPC_QUEUED_PER_SENDER) {
        return false;
    }
    upcall_t upcall = { .kind = UPCALL_IPC, .driver = driver, .number = number, .args = { from, 0, 0 } };
    return schedule(process, &upcall);
}
