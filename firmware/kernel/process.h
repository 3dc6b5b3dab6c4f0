// A process: an unprivileged program with memory of its own, and all the kernel knows of it.

#ifndef ADDER_KERNEL_PROCESS_H
#define ADDER_KERNEL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "kernel/tbf.h"
#include "arch/cortex_m4/mpu.h"
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

// What a process has subscribed or allowed at one driver lies in the process's own memory, at its top,
// with the capsule's record behind it: [upcalls][read-write][read-only][readable][places][fields].
typedef struct {
    uint32_t function, appdata;
} subscription_t;

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
    // The saved context. The context switch (arch/cortex_m4/exceptions.S) knows these offsets.
    uint32_t r4_to_r11[8]; //   0
    uint32_t psp;          //  32
    uint32_t exc_return;   //  36
    mpu_region_t mpu[MPU_REGIONS_PROCESS]; // 40
    uint32_t s16_to_s31[16];               // 104

    uint8_t slot;
    uint8_t state;
    bool stopped;
    uint8_t look; // LOOK_...
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
} process_t;

extern process_t processes[CONFIG_MAX_PROCESSES];
extern process_t *current_process; // whose registers the CPU holds; NULL before the first
extern uint32_t ready_processes;   // one bit a slot

// Reserves the interrupt line on which memory is cleared.
void process_init(void);

// Create a process from a program in flash. Returns NULL, with a line on the console, if it can't.
process_t *process_create(const tbf_t *tbf);

void process_restart(process_t *process);
void process_terminate(process_t *process, uint32_t completion_code);
void process_fault(process_t *process);
void process_stop(process_t *process);
void process_resume(process_t *process);
const char *process_state_name(const process_t *process);

static inline bool process_alive(const process_t *process) {
    return process->state >= PROCESS_RUNNING && process->state <= PROCESS_YIELDED_FOR;
}

// True if [address, address + length) is in the RAM that the process itself may write.
static inline bool process_owns_ram(const process_t *process, uint32_t address, uint32_t length) {
    return address >= process->ram_start && address <= process->app_break
        && length <= process->app_break - address;
}

// True if [address, address + length) is in the program's flash behind the protected region.
static inline bool process_owns_flash(const process_t *process, uint32_t address, uint32_t length) {
    return address >= process->tbf.app_start && address <= process->tbf.end
        && length <= process->tbf.end - address;
}

// True if [address, address + length) is in flash that the process may read: its own, or, for a Python
// process, the interpreter's.
bool process_reads_flash(const process_t *process, uint32_t address, uint32_t length);

// Move the end of the memory that the process may use. False if it would meet the grants or
// uncover an allowed buffer.
bool process_set_break(process_t *process, uint32_t address);

// The grant of driver number `driver` (an index) in this process, made on first use.
// NULL if the process has no memory left for it.
uint32_t *process_grant(process_t *process, unsigned driver);

// Queue an upcall, or deliver it if the process waits for it. False if there was no place for it.
bool process_schedule_upcall(process_t *process, unsigned driver, unsigned number, const uint32_t args[3]);
bool process_schedule_ipc(process_t *process, unsigned driver, unsigned number, uint32_t from);

// Whether the answer to an earlier command of this kind waits in a place: that of another one might find none.
bool process_must_collect(const process_t *process, unsigned driver, uint32_t command);

// Forget what a process that has ended has told others: it is not for its next life, or its slot's next program, to
// stand for.
void process_silence(const process_t *process);

// Forget the queued function upcalls of one subscription.
void process_drop_upcalls(process_t *process, unsigned driver, unsigned number);

// Deliver a waiting upcall into `frame`, the frame of the yield. True if one will run.
bool process_deliver_upcall(process_t *process, exception_frame_t *frame);
bool process_take_upcall_for(process_t *process, exception_frame_t *frame);

// Memory at [start, start + length) becomes accessible to the process, unless the MPU can't; what was shared longest
// may have to make room, until it is touched.
typedef enum { SHARE_IMPOSSIBLE, SHARE_NEW, SHARE_THERE } share_t;
share_t process_share(process_t *process, uint32_t start, uint32_t length);

#endif
