// Processes: their life.

#include <string.h>

#include "core/context_switch.h"
#include "core/grant.h"
#include "kernel/abi.h"
#include "kernel/fault.h"
#include "kernel/ipc_share.h"
#include "kernel/log.h"
#include "kernel/process.h"
#include "kernel/process_id.h"
#include "kernel/process_memory.h"
#include "kernel/schedule.h"
#include "kernel/upcall.h"
#include "py/gc.h"
#include "py/runtime.h"

#define INITIAL_STACK (sizeof(exception_frame_t)) // the program moves its stack before it grows
#define XPSR_THUMB (1u << 24)

extern void python_process_entry(void);

static uint32_t next_id = 1;

const char *process_state_name(const process_t *process) {
    static const char *const names[] = { "Unused", "Running", "Yielded", "YieldedFor", "Faulted", "Terminated" };
    static const char *const stopped_names[] = {
        "Unused", "Stopped(Running)", "Stopped(Yielded)", "Stopped(YieldedFor)", "Faulted", "Terminated",
    };
    return (process->stopped ? stopped_names : names)[process->state];
}

// Nothing of the process's last life remains with the kernel.
static void forget(process_t *process) {
    memset(process->grants, 0, sizeof(process->grants));
    grant_forget(process);
    if (process->id_object != MP_OBJ_NULL) {
        ((process_id_t *)MP_OBJ_TO_PTR(process->id_object))->process = process_nobody;
        process->id_object = MP_OBJ_NULL;
    }
    process->queue_length = process->placed = 0;
    process->look = process->tbf.has_permissions ? LOOK_PERMISSIONS : 0;
    process->grant_start = (uint32_t)process;
    process_memory_unshare(process);
    upcall_silence(process);
    process->sharers = process->unfound = process->strangers = 0;
    context_discard(process);
}

static bool new_identity(process_t *process) {
    process->id = next_id++;
    process_id_t *id = m_new_obj_maybe(process_id_t);
    if (id == NULL) {
        gc_collect();
        id = m_new_obj_maybe(process_id_t);
    }
    if (id == NULL) {
        return false;
    }
    id->base.type = &process_id_type;
    id->process = process;
    id->id = process->id;
    id->slot = process->slot;
    process->id_object = MP_OBJ_FROM_PTR(id);
    return true;
}

// Put the program at its beginning (docs/abi.md: the start looks like an upcall).
static void start(process_t *process) {
    forget(process);
    process->state = PROCESS_FAULTED; // until all is in its place: making the identity may be cut short
    schedule_update(process);
    if (!new_identity(process)) {
        kernel_log_app(&process->tbf);
        kernel_printf(": the kernel has no memory left to start it\n");
        process_fault(process); // the policy may start it again, later
        return;
    }
    process->starting = true;
    process_memory_clear_later(process, process->ram_start);
    memset(process->r4_to_r11, 0, sizeof(process->r4_to_r11));
    memset(process->s16_to_s31, 0, sizeof(process->s16_to_s31));
    process->app_break = process->ram_start + INITIAL_STACK;
    process->high_water = process->ram_start;
    process->stack_top = process->heap_start = 0;
    process->frame_lost = false;
    process->psp = process->ram_start;
    process->exc_return = EXC_RETURN_THREAD_PSP;
    if (process->tbf.python) {
        process->r4_to_r11[9 - 4] = process->ram_start + process->tbf.python_state;
    }
    process_memory_begin(process);
    process->stopped = false;
    process->state = PROCESS_RUNNING;
    schedule_update(process);
    context_switch_request();
}

// Safety: the process does not run before all of its memory below its grants is zero. Until then a result may
// still be written into it: of the process that ended this one, if it had its stack in memory shared with it.
static void finish_start(process_t *process) {
    *(exception_frame_t *)process->psp = (exception_frame_t) {
        .r0 = process->tbf.app_start,
        .r1 = process->ram_start,
        .r2 = process->ram_end - process->ram_start,
        .r3 = process->app_break,
        .pc = (process->tbf.python ? (uint32_t)python_process_entry : process->tbf.init) & ~1u,
        .psr = XPSR_THUMB,
    };
    process->starting = false;
}

void process_init(void) {
    process_memory_init(finish_start);
}

// Why a program has no RAM.
static void say_no_room(const tbf_t *tbf) {
    uint32_t largest, unused = process_memory_free(&largest);
    kernel_log_app(tbf);
    kernel_printf(": not started, no room for %u bytes of RAM; %u are free, %u in one piece\n", (unsigned)tbf->min_ram,
        (unsigned)unused, (unsigned)largest);
}

int process_create(const tbf_t *tbf) {
    unsigned slot = 0;
    while (slot < CONFIG_MAX_PROCESSES && processes[slot]->state != PROCESS_UNUSED) {
        slot++;
    }
    if (slot == CONFIG_MAX_PROCESSES) {
        kernel_log_app(tbf);
        kernel_printf(": not started, all %u process slots are in use\n", CONFIG_MAX_PROCESSES);
        return -ERROR_RESERVE;
    }
    if (mpu_granule(tbf->start, tbf->end - tbf->start) == 0) {
        kernel_log_app(tbf);
        kernel_printf(": not started, the MPU cannot cover its flash\n");
        return -ERROR_SIZE;
    }
    process_t *process = process_memory_find(tbf);
    if (process == NULL) {
        say_no_room(tbf);
        return -ERROR_NOMEM;
    }
    process->tbf = *tbf;
    process->slot = slot;
    processes[slot] = process;
    start(process);
    return slot;
}

// Safety: nothing refers to the record any more: neither what Python holds nor the CPU.
void process_unload(process_t *process) {
    forget(process);
    ipc_forget(process);
    process->state = PROCESS_UNUSED;
    if (current_process == NULL) {
        mpu_init(); // if it ran last, its regions are still in force: its flash is to be written
    }
    schedule_update(process);
    processes[process->slot] = process_nobody;
    memset(process, 0, sizeof(*process));
}

void process_restart(process_t *process) {
    process->restarts++;
    process->completed = false;
    start(process);
}

void process_terminate(process_t *process, uint32_t completion_code) {
    if (process->state == PROCESS_UNUSED) {
        return;
    }
    forget(process);
    process->state = PROCESS_TERMINATED;
    process->stopped = false;
    process->completed = true;
    process->completion_code = completion_code;
    schedule_update(process);
    fault_tell();
}

void process_stop(process_t *process) {
    process->stopped = process_alive(process);
    schedule_update(process);
    context_switch_request();
}

void process_resume(process_t *process) {
    process->stopped = false;
    schedule_update(process);
    context_switch_request();
}
