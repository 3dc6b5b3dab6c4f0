// A process: an unprivileged program with memory of its own, and all the kernel knows of it.

#ifndef ADDER_CORE_PROCESS_H
#define ADDER_CORE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/cortex_m4/mpu.h"
#include "config.h"
#include "core/context_offsets.h"
#include "core/program.h"
#include "py/obj.h"

#define MAX_DRIVERS (CONFIG_MAX_DRIVERS)

// MPU regions of a process: two each for RAM, flash and what others share with it, and in a Python
// process two for the interpreter.
#define MPU_REGIONS_PROCESS (8)

typedef enum {
    PROCESS_UNUSED,      // the slot holds no program
    PROCESS_RUNNING,     // has the CPU or waits for it
    PROCESS_YIELDED,     // in yield-wait
    PROCESS_YIELDED_FOR, // in yield-wait-for
    PROCESS_FAULTED,
    PROCESS_TERMINATED,
} process_state_t;

// The part of an exception frame that the hardware pushes for every process (ARMv7-M, B1.5.6).
typedef struct {
    uint32_t r0, r1, r2, r3, r12, lr, pc, psr;
} exception_frame_t;

typedef enum {
    UPCALL_EMPTY,    // an empty place
    UPCALL_NULL,     // nothing was subscribed when it came: it can be waited for, and never runs
    UPCALL_FUNCTION, // for the subscribed function: a new subscription drops it
    UPCALL_IPC,      // an IPC notification: resolved when it is delivered
} upcall_kind_t;

typedef struct {
    uint8_t kind;
    uint8_t driver; // index into drivers[]
    uint16_t number;
    uint32_t args[3];
} upcall_t;

typedef struct {
    uint32_t function, appdata;
} subscription_t;

// Bytes that a process may access itself: core/alleged.h.
typedef struct {
    uint32_t address, length;
} allowed_t;

// Where an upcall that answers a command waits if the queue is full.
typedef struct {
    uint8_t kind;
    uint8_t number;
    uint16_t turn; // when it came, among those that wait like this
    uint32_t args[3];
} place_t;

// What a command has to be looked at for, besides who serves it.
enum { LOOK_PERMISSIONS = 1, LOOK_PLACES = 2 };

typedef struct process {
    // The saved context. Assembly knows its shape: core/context_offsets.h.
    uint32_t r4_to_r11[8];
    uint32_t psp;
    uint32_t exc_return;
    mpu_region_t mpu[MPU_REGIONS_PROCESS];
    uint32_t s16_to_s31[16];

    uint8_t slot;
    uint8_t state;
    bool stopped;
    uint8_t look; // LOOK_...
    uint16_t record_blocks; // of the kernel's heap (core/grant.c)
    uint32_t waiting_driver, waiting_number; // YIELDED_FOR
    uint32_t id; // never used twice

    // Program
    tbf_t tbf;

    // Memory
    uint32_t ram_start, ram_end; // ram_end is exclusive
    uint32_t app_break;
    uint32_t high_water; // the end of the highest range ever allowed: the break stays above
    uint32_t grant_start;
    uint32_t granule; // bytes of one MPU sub-region
    uint32_t stack_top, heap_start; // as the process says (memop 10, 11)
    uint32_t *grants[MAX_DRIVERS]; // NULL until first used

    // Upcalls
    uint8_t queue_head, queue_length;
    uint8_t placed; // upcalls that wait in places; the queue is full, then
    bool starting;  // has not run in this life
    bool unheard;   // it may not print, and the console has been told so
    uint16_t turn;
    upcall_t queue[CONFIG_UPCALL_QUEUE_LENGTH];

    uint32_t sharers;  // a bit for each process that has told this one of what it shares
    uint32_t clear_at; // from here on memory is still to be cleared before it runs on; 0: all is

    // Python's view of it
    mp_obj_t id_object;
    mp_obj_t entries[MAX_DRIVERS];

    // Counters and the last of its life
    uint32_t syscalls, timeslice_expirations, restarts, dropped_upcalls;
    uint32_t completion_code;
    bool completed;
    uint32_t fault_status, fault_address, hard_fault_status; // CFSR, MMFAR or BFAR, HFSR
    bool frame_lost; // the exception frame could not be stacked

    // A bit for each slot whose process has gone for good, until this one has found the next one there by its name; in
    // `strangers` also for one that has begun anew, until it has notified this one.
    uint32_t unfound, strangers;
} __attribute__((aligned(8))) process_t; // grants end where it begins

_Static_assert(offsetof(process_t, r4_to_r11) == 0 && offsetof(process_t, psp) == PROCESS_PSP
    && offsetof(process_t, exc_return) == PROCESS_EXC_RETURN && offsetof(process_t, mpu) == PROCESS_MPU
    && offsetof(process_t, s16_to_s31) == PROCESS_FP, "assembly knows where the context is");
_Static_assert(PROCESS_EXC_RETURN == PROCESS_PSP + 4, "fault_entry writes one behind the other");
_Static_assert(sizeof(((process_t *)0)->mpu) == 16 * 4, "the context switch loads eight registers twice");

// The record of a process lies at the end of the process's own RAM, above its grants, where the MPU never lets it reach. A
// slot without a program has `process_nobody`, of which there is only what comes before `tbf`. When a life of a process
// is over, what Python holds of it is made to refer to that (kernel/process.c): a record's RAM may be another process's then.
extern process_t *processes[CONFIG_MAX_PROCESSES];
extern process_t *const process_nobody;

static inline uint32_t round_up(uint32_t value, uint32_t unit) {
    return (value + unit - 1) & ~(unit - 1);
}

// The end of what the MPU lets the process access for a given break.
static inline uint32_t process_accessible_end(const process_t *process, uint32_t app_break) {
    return process->ram_start + round_up(app_break - process->ram_start, process->granule);
}

static inline bool process_alive(const process_t *process) {
    return process->state >= PROCESS_RUNNING && process->state <= PROCESS_YIELDED_FOR;
}

#endif
