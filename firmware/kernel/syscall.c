// The system calls. Each function below is entered straight from the SVC instruction, in handler
// mode, and returns straight to the process. Only `command` leaves C.
//
// Safety: `frame` was stacked by the hardware with the process's own rights, so it lies in memory
// that the process may write. Everything in it is the process's allegation until checked.

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
static void refuse_console(process_t *process) {
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
static void sleep_in(process_t *process, const exception_frame_t *frame, process_state_t state) {
    if (!process_owns_ram(process, (uint32_t)frame, sizeof(*frame))) {
        process_fault(process);
        return;
    }
    process->state = state;
    schedule_update(process);
    context_switch_request();
}

static void syscall_yield(exception_frame_t *frame) {
    process_t *process = current_process;
    process->syscalls++;
    switch (frame->r0) {
        case YIELD_NO_WAIT: {
            uint32_t flag = frame->r1;
            bool ran = process->queue_length != 0 && process_deliver_upcall(process, frame);
            if (process_owns_ram(process, flag, 1)) {
                *(uint8_t *)flag = ran;
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
static uint32_t *find_pair(process_t *process, exception_frame_t *frame, driver_t **driver, bool good, grant_kind_t kind) {
    uint32_t error;
    driver_t *found = driver_find(frame->r0);
    if (found == NULL || found->entry == NULL) {
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
        uint32_t *grant = process->grants[found - drivers];
        if (grant == NULL) {
            grant = grant_make(process, found - drivers, &found->shape);
        }
        if (grant == NULL) {
            error = ERROR_NOMEM;
        } else if (frame->r1 >= found->shape.count[kind]) {
            error = ERROR_NOSUPPORT;
        } else {
            *driver = found;
            return grant + found->shape.at[kind] + 2 * frame->r1;
        }
    }
    frame->r0 = RETURN_FAILURE_U32_U32;
    frame->r1 = error;
    // r2 and r3 are as passed
    return NULL;
}

static inline void swap_pair(exception_frame_t *frame, uint32_t *pair) {
    uint32_t first = pair[0], second = pair[1];
    pair[0] = frame->r2;
    pair[1] = frame->r3;
    frame->r0 = RETURN_SUCCESS_U32_U32;
    frame->r1 = first;
    frame->r2 = second;
}

static void syscall_subscribe(exception_frame_t *frame) {
    process_t *process = current_process;
    process->syscalls++;
    uint32_t function = frame->r2;
    uint32_t number = frame->r1;
    // The one check that comes before the driver's (TRD104, 4.2).
    if (function != 0 && !process_reads_flash(process, function, 1) && !process_owns_ram(process, function, 1)) {
        frame->r0 = RETURN_FAILURE_U32_U32;
        frame->r1 = ERROR_INVAL;
        return;
    }
    driver_t *driver;
    uint32_t *pair = find_pair(process, frame, &driver, true, GRANT_UPCALLS);
    if (pair != NULL) {
        swap_pair(frame, pair);
        if (process->queue_length != 0) {
            process_drop_upcalls(process, driver - drivers, number);
        }
    }
}

// Remember how far up the process has allowed: its break may not sink below.
static inline void raise_high_water(process_t *process, uint32_t end) {
    if (end > process->high_water) {
        process->high_water = end;
    }
}

static inline void allow_ram(exception_frame_t *frame, grant_kind_t kind) {
    process_t *process = current_process;
    process->syscalls++;
    uint32_t address = frame->r2, length = frame->r3;
    bool good = length == 0 || process_owns_ram(process, address, length);
    driver_t *driver;
    uint32_t *pair = find_pair(process, frame, &driver, good, kind);
    if (pair != NULL) {
        swap_pair(frame, pair);
        if (length != 0) {
            raise_high_water(process, address + length);
        }
    }
}

static void syscall_allow_read_write(exception_frame_t *frame) {
    allow_ram(frame, GRANT_READ_WRITE);
}

static void syscall_allow_readable(exception_frame_t *frame) {
    allow_ram(frame, GRANT_READABLE);
}

static void syscall_allow_read_only(exception_frame_t *frame) {
    process_t *process = current_process;
    process->syscalls++;
    uint32_t address = frame->r2, length = frame->r3;
    bool in_ram = process_owns_ram(process, address, length);
    bool good = length == 0 || in_ram || process_reads_flash(process, address, length);
    driver_t *driver;
    uint32_t *pair = find_pair(process, frame, &driver, good, GRANT_READ_ONLY);
    if (pair != NULL) {
        swap_pair(frame, pair);
        if (in_ram && length != 0) {
            raise_high_water(process, address + length);
        }
    }
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
    } else if (driver->core_command == NULL || !driver->core_command(process, frame)) {
        mp_state_ctx_t *before = python_enter_kernel();
        capsule_command(driver, process, frame);
        python_leave_kernel(before);
    }
}

// -- Memop --------------------------------------------------------------------

static void syscall_memop(exception_frame_t *frame) {
    process_t *process = current_process;
    process->syscalls++;
    uint32_t argument = frame->r1;
    const uint32_t *region = process->tbf.writeable + 2 * argument;
    switch (frame->r0) {
        case 0: // brk
            if (process_set_break(process, argument)) {
                frame->r0 = RETURN_SUCCESS;
            } else {
                syscall_fail(frame, ERROR_NOMEM);
            }
            break;
        case 1: { // sbrk
            uint32_t old = process->app_break;
            if (process_set_break(process, old + argument)) {
                syscall_succeed_u32(frame, old);
            } else {
                syscall_fail(frame, ERROR_NOMEM);
            }
            break;
        }
        case 2:
            syscall_succeed_u32(frame, process->ram_start);
            break;
        case 3:
            syscall_succeed_u32(frame, process->ram_end);
            break;
        case 4:
            syscall_succeed_u32(frame, process->tbf.start);
            break;
        case 5:
            syscall_succeed_u32(frame, process->tbf.end);
            break;
        case 6:
            syscall_succeed_u32(frame, process->grant_start);
            break;
        case 7:
            syscall_succeed_u32(frame, process->tbf.writeable_regions);
            break;
        case 8:
        case 9:
            if (argument >= process->tbf.writeable_regions) {
                syscall_fail(frame, ERROR_FAIL);
            } else {
                syscall_succeed_u32(frame, process->tbf.start + region[0] + (frame->r0 == 9 ? region[1] : 0));
            }
            break;
        case 10:
            process->stack_top = argument;
            frame->r0 = RETURN_SUCCESS;
            break;
        case 11:
            process->heap_start = argument;
            frame->r0 = RETURN_SUCCESS;
            break;
        default:
            syscall_fail(frame, ERROR_NOSUPPORT);
            break;
    }
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
