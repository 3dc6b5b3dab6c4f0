// The system calls. Each function below is entered straight from the SVC instruction, in handler
// mode, and returns straight to the process. Only `command` leaves C.
//
// Safety: `frame` was stacked by the hardware with the process's own rights, so it lies in memory
// that the process may write. Everything in it is the process's allegation until checked.

#include "core/alleged.h"
#include "core/context_switch.h"
#include "kernel/abi.h"
#include "kernel/command.h"
#include "kernel/driver.h"
#include "kernel/fault.h"
#include "kernel/log.h"
#include "kernel/process.h"
#include "kernel/process_memory.h"
#include "kernel/schedule.h"
#include "kernel/tbf.h"
#include "kernel/upcall.h"

enum { DRIVER_CONSOLE = 1, CONSOLE_WRITE = 1 };

// A process that may not print cannot say so.
static __attribute__((noinline)) void refuse_console(process_t *process) {
    if (!process->unheard) {
        process->unheard = true;
        kernel_log_app(&process->tbf);
        kernel_printf(": what it prints is not shown; its permissions lack 'console'\n");
    }
}

// -- Yield ----------------------------------------------------------------------

enum { YIELD_NO_WAIT, YIELD_WAIT, YIELD_WAIT_FOR };

// The process sleeps in this frame; an upcall will be written into it. Memory that it only shares
// with another process will not do: that may be gone by then.
static inline __attribute__((always_inline)) void sleep_in(process_t *process, const exception_frame_t *frame, process_state_t state) {
    allowed_t range;
    if (!alleged_check(process, (alleged_t) { (uint32_t)frame, sizeof(*frame) }, ACCESS_WRITE, &range)) {
        process_fault(process);
        return;
    }
    process->state = state;
    schedule_update(process);
    context_switch_request();
}

// Safety: the flag is written if the process might write there itself.
static void syscall_yield(exception_frame_t *frame) {
    process_t *process = current_process;
    process->syscalls++;
    switch (frame->r0) {
        case YIELD_NO_WAIT: {
            alleged_t flag = { frame->r1, 1 };
            allowed_t byte;
            bool ran = process->queue_length != 0 && process_deliver_upcall(process, frame);
            if (alleged_check(process, flag, ACCESS_WRITE, &byte)) {
                *allowed_bytes(byte) = ran;
            }
            break;
        }
        case YIELD_WAIT:
            if (process->queue_length == 0 || !process_deliver_upcall(process, frame)) {
                sleep_in(process, frame, PROCESS_YIELDED);
            }
            break;
        case YIELD_WAIT_FOR:
            process->waiting_driver = frame->r1;
            process->waiting_number = frame->r2;
            if (process->queue_length == 0 || !process_take_upcall_for(process, frame)) {
                sleep_in(process, frame, PROCESS_YIELDED_FOR);
            }
            break;
        default: // TRD104, 4.1: unknown ones return at once
            break;
    }
}

// -- Subscribe and allow ------------------------------------------------------

// The pair of words of this kind that the call is about: number r1 at driver r0. NULL if the call has already been
// answered: it fails with the values that it was passed.
static uint32_t *find_pair(exception_frame_t *frame, bool good, grant_kind_t kind, unsigned *driver) {
    process_t *process = current_process;
    uint32_t error;
    int index = driver_index(frame->r0);
    const driver_t *found = &drivers[index];
    if (index < 0 || found->entry == NULL) {
        error = ERROR_NODEVICE;
    } else if (process->tbf.has_permissions && !tbf_permits_driver(&process->tbf, frame->r0)) {
        // As Tock does it, whose filter answers in the shape of a command: without the values that were passed.
        if (frame->r0 == DRIVER_CONSOLE) {
            refuse_console(process);
        }
        syscall_fail(frame, ERROR_NODEVICE);
        return NULL;
    } else if (!good) {
        error = ERROR_INVAL;
    } else {
        uint32_t *grant = process->grants[index];
        if (grant == NULL) {
            grant = grant_make(process, index, &found->shape);
        }
        if (grant == NULL) {
            error = ERROR_NOMEM;
        } else if (frame->r1 >= found->shape.count[kind]) {
            error = ERROR_NOSUPPORT;
        } else {
            *driver = index;
            return grant + found->shape.at[kind] + 2 * frame->r1;
        }
    }
    frame->r0 = RETURN_FAILURE_U32_U32;
    frame->r1 = error;
    // r2 and r3 are as passed
    return NULL;
}

static inline void swap_pair(exception_frame_t *frame, uint32_t *pair, uint32_t first, uint32_t second) {
    frame->r0 = RETURN_SUCCESS_U32_U32;
    frame->r1 = pair[0];
    frame->r2 = pair[1];
    pair[0] = first;
    pair[1] = second;
}

static void syscall_subscribe(exception_frame_t *frame) {
    process_t *process = current_process;
    process->syscalls++;
    alleged_t function = { frame->r2, 1 };
    allowed_t first;
    uint32_t number = frame->r1;
    // The one check that comes before the driver's (TRD104, 4.2).
    if (function.address != 0 && !alleged_check(process, function, ACCESS_RUN, &first)) {
        frame->r0 = RETURN_FAILURE_U32_U32;
        frame->r1 = ERROR_INVAL;
        return;
    }
    unsigned driver;
    uint32_t *pair = find_pair(frame, true, GRANT_UPCALLS, &driver);
    if (pair != NULL) {
        swap_pair(frame, pair, function.address, frame->r3);
        if (process->queue_length != 0) {
            process_drop_upcalls(process, driver, number);
        }
    }
}

// Remember how far up the process has allowed its RAM: the break may not sink below.
static inline void raise_high_water(process_t *process, allowed_t range) {
    uint32_t end = range.address + range.length;
    if (range.length != 0 && end > process->high_water && end <= process->app_break) { // flash ends above, or below all RAM
        process->high_water = end;
    }
}

static inline void allow(exception_frame_t *frame, access_t access, grant_kind_t kind) {
    process_t *process = current_process;
    process->syscalls++;
    allowed_t range;
    bool good = alleged_check(process, (alleged_t) { frame->r2, frame->r3 }, access, &range);
    unsigned driver;
    uint32_t *pair = find_pair(frame, good, kind, &driver);
    if (pair != NULL) {
        swap_pair(frame, pair, range.address, range.length);
        raise_high_water(process, range);
    }
}

static void syscall_allow_read_write(exception_frame_t *frame) {
    allow(frame, ACCESS_WRITE, GRANT_READ_WRITE);
}

static void syscall_allow_readable(exception_frame_t *frame) {
    allow(frame, ACCESS_WRITE, GRANT_READABLE);
}

static void syscall_allow_read_only(exception_frame_t *frame) {
    allow(frame, ACCESS_READ, GRANT_READ_ONLY);
}

// -- Command ------------------------------------------------------------------

// What few processes need. True if the command may go on; else it has been answered.
static bool look(process_t *process, const driver_t *driver, exception_frame_t *frame) {
    if (!tbf_permits_command(&process->tbf, frame->r0, frame->r1)) {
        if (frame->r0 == DRIVER_CONSOLE && frame->r1 == CONSOLE_WRITE) {
            refuse_console(process);
        }
        syscall_fail(frame, ERROR_NODEVICE);
    } else if (process->placed != 0 && process_must_collect(process, driver - drivers, frame->r1)) {
        syscall_fail(frame, ERROR_BUSY);
    } else {
        return true;
    }
    return false;
}

static void syscall_command(exception_frame_t *frame) {
    process_t *process = current_process;
    process->syscalls++;
    driver_t *driver = driver_find(frame->r0);
    if (driver == NULL) {
        syscall_fail(frame, ERROR_NODEVICE);
    } else if (process->look != 0 && !look(process, driver, frame)) {
        return;
    } else if (driver->core_command == NULL || !driver->core_command(process, frame, driver - drivers)) {
        mp_state_ctx_t *before = python_enter_kernel();
        capsule_command(driver, process, frame);
        python_leave_kernel(before);
    }
}

// -- Memop --------------------------------------------------------------------

static void syscall_memop(exception_frame_t *frame) {
    // Tock: doc/syscalls/memop.md
    enum {
        MEMOP_BRK, MEMOP_SBRK, MEMOP_RAM_START, MEMOP_RAM_END, MEMOP_FLASH_START, MEMOP_FLASH_END, MEMOP_GRANT_START,
        MEMOP_REGIONS, MEMOP_REGION_START, MEMOP_REGION_END, MEMOP_STACK_TOP, MEMOP_HEAP_START,
    };
    process_t *process = current_process;
    process->syscalls++;
    uint32_t argument = frame->r1, value;
    const uint32_t *region = process->tbf.writeable + 2 * argument;
    switch (frame->r0) {
        case MEMOP_BRK:
        case MEMOP_SBRK:
            value = process->app_break;
            if (!process_set_break(process, frame->r0 == MEMOP_SBRK ? value + argument : argument)) {
                syscall_fail(frame, ERROR_NOMEM);
            } else if (frame->r0 == MEMOP_SBRK) {
                break;
            } else {
                frame->r0 = RETURN_SUCCESS;
            }
            return;
        case MEMOP_RAM_START:
            value = process->ram_start;
            break;
        case MEMOP_RAM_END:
            value = process->ram_end;
            break;
        case MEMOP_FLASH_START:
            value = process->tbf.start;
            break;
        case MEMOP_FLASH_END:
            value = process->tbf.end;
            break;
        case MEMOP_GRANT_START:
            value = process->grant_start;
            break;
        case MEMOP_REGIONS:
            value = process->tbf.writeable_regions;
            break;
        case MEMOP_REGION_START:
        case MEMOP_REGION_END:
            if (argument >= process->tbf.writeable_regions) {
                syscall_fail(frame, ERROR_FAIL);
                return;
            }
            value = process->tbf.start + region[0] + (frame->r0 == MEMOP_REGION_END ? region[1] : 0);
            break;
        case MEMOP_STACK_TOP:
            process->stack_top = argument;
            frame->r0 = RETURN_SUCCESS;
            return;
        case MEMOP_HEAP_START:
            process->heap_start = argument;
            frame->r0 = RETURN_SUCCESS;
            return;
        default:
            syscall_fail(frame, ERROR_NOSUPPORT);
            return;
    }
    syscall_succeed_u32(frame, value);
}

// -- Exit ---------------------------------------------------------------------

static void restart(process_t *process) {
    mp_state_ctx_t *before = python_enter_kernel();
    process_restart(process);
    python_leave_kernel(before);
}

static void syscall_exit(exception_frame_t *frame) {
    process_t *process = current_process;
    process->syscalls++;
    switch (frame->r0) {
        case 0:
            process_terminate(process, frame->r1);
            break;
        case 1:
            process_terminate(process, frame->r1);
            restart(process);
            break;
        default:
            syscall_fail(frame, ERROR_NOSUPPORT);
            break;
    }
}

// SVC with any other number.
static void syscall_unknown(exception_frame_t *frame) {
    (void)frame;
    process_fault(current_process);
}

void (*const system_call_table[])(exception_frame_t *frame) = {
    syscall_yield,
    syscall_subscribe,
    syscall_command,
    syscall_allow_read_write,
    syscall_allow_read_only,
    syscall_memop,
    syscall_exit,
    syscall_allow_readable,
    syscall_unknown,
};
