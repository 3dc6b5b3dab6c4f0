// Processes: memory, life and death, upcalls.

#include <string.h>

#include "objects/grant.h"
#include "core/context_switch.h"
#include "core/interrupt.h"
#include "kernel/capsule.h"
#include "kernel/fault.h"
#include "kernel/ipc.h"
#include "kernel/log.h"
#include "kernel/schedule.h"
#include "kernel/syscall.h"
#include "memory_map.h"
#include "py/gc.h"
#include "py/runtime.h"

#define INITIAL_STACK (sizeof(exception_frame_t)) // the program moves its stack before it grows
#define CLEARED_AT_ONCE (8192) // bytes: some 1,500 instructions
#define XPSR_THUMB (1u << 24)
#define XPSR_STACK_ALIGNED (1u << 9) // the hardware has inserted a word below the frame (B1.5.7)

// Where the regions of a process are in its table.
#define REGION_RAM (0)
#define REGION_FLASH (2)
#define REGION_SHARED (4)
#define REGIONS_SHARED (2)
#define REGION_INTERPRETER (6)

// The linker script puts the interpreter apart from the rest of the kernel.
extern uint8_t _interpreter_start, _interpreter_middle, _interpreter_end;
extern void python_process_entry(void);

process_t processes[CONFIG_MAX_PROCESSES];
static uint32_t next_id = 1;
static unsigned clear_line;

// -- Memory -------------------------------------------------------------------

static uint32_t round_up(uint32_t value, uint32_t unit) {
    return (value + unit - 1) & ~(unit - 1);
}

// The end of what the MPU lets the process access for a given break.
static uint32_t accessible_end(const process_t *process, uint32_t app_break) {
    return process->ram_start + round_up(app_break - process->ram_start, process->granule);
}

static void load_regions(const process_t *process) {
    if (process == current_process) {
        for (unsigned i = 0; i < MPU_REGIONS_PROCESS; i++) {
            MPU_RBAR = process->mpu[i].rbar;
            MPU_RASR = process->mpu[i].rasr;
        }
        barrier();
    }
}

static void cover_ram(process_t *process) {
    mpu_kind_t kind = process->tbf.python_executable_ram ? MPU_RAM_EXECUTABLE : MPU_RAM;
    mpu_cover(&process->mpu[REGION_RAM], REGION_RAM, kind, process->ram_start,
        accessible_end(process, process->app_break), process->granule);
    load_regions(process);
}

// memset() takes an instruction for each byte, and four if the beginning is odd.
static void clear(uint32_t start, uint32_t length) {
    uint32_t odd = MIN(-start & 3, length);
    memset((void *)start, 0, odd);
    start += odd;
    for (length -= odd; length >= 64; length -= 64) {
        __asm volatile (
            "mov r3, #0\n mov r4, r3\n mov r5, r3\n mov r6, r3\n"
            "stmia %0!, {r3-r6}\n stmia %0!, {r3-r6}\n stmia %0!, {r3-r6}\n stmia %0!, {r3-r6}"
            : "+r" (start) :: "r3", "r4", "r5", "r6", "memory");
    }
    memset((void *)start, 0, length);
}

// Let the process wait until its memory has been cleared from here on, a piece at a time: others' interrupts are
// served in between.
static void clear_later(process_t *process, uint32_t start) {
    process->clear_at = start;
    schedule_update(process);
    interrupt_trigger(clear_line);
}

bool process_set_break(process_t *process, uint32_t address) {
    if (address < process->high_water || address < process->ram_start || address >= process->ram_end
        || accessible_end(process, address) > process->grant_start) {
        return false;
    }
    uint32_t old = process->app_break;
    if (address > old && address - old <= CLEARED_AT_ONCE) {
        clear(old, address - old);
    } else if (address > old) {
        clear_later(process, old);
    }
    bool same_granule = accessible_end(process, address) == accessible_end(process, old);
    process->app_break = address;
    if (!same_granule) {
        cover_ram(process);
    }
    return true;
}

uint32_t *process_grant(process_t *process, unsigned driver) {
    if (process->grants[driver] == NULL) {
        uint32_t size = round_up(4 * drivers[driver].words, 8);
        uint32_t lowest = accessible_end(process, process->app_break);
        if (process->grant_start - lowest < size) {
            return NULL;
        }
        process->grant_start -= size;
        memset((void *)process->grant_start, 0, size);
        process->grants[driver] = (uint32_t *)process->grant_start;
    }
    return process->grants[driver];
}

static bool overlaps(uint32_t start, uint32_t length, const process_t *other) {
    return other->state != PROCESS_UNUSED && start < other->ram_end && other->ram_start < start + length;
}

// The lowest free address at or above `from` that is a multiple of `unit`.
static uint32_t find_free(uint32_t from, uint32_t length, uint32_t unit) {
    uint32_t address = round_up(from, unit);
    for (unsigned i = 0; i < CONFIG_MAX_PROCESSES; i++) {
        if (overlaps(address, length, &processes[i])) {
            return find_free(processes[i].ram_end, length, unit);
        }
    }
    return address;
}

// Find RAM for the program. The smallest granule wastes least; a larger one reaches further.
static bool allocate_ram(process_t *process, const tbf_t *tbf) {
    if (tbf->min_ram > PROCESS_RAM_END - PROCESS_RAM_START) {
        return false;
    }
    for (uint32_t granule = 32; granule <= PROCESS_RAM_END - PROCESS_RAM_START; granule *= 2) {
        // The break is rounded up to a granule; what lies above is for grants.
        uint32_t length = round_up(round_up(tbf->min_ram, granule) + CONFIG_PROCESS_EXTRA_RAM, granule);
        if (length / granule > 16) {
            continue;
        }
        uint32_t address = tbf->fixed_ram;
        if (address == TBF_ANY_ADDRESS) {
            address = find_free(PROCESS_RAM_START, length, granule);
            if (address % (8 * granule) / granule + length / granule > 16) {
                address = find_free(PROCESS_RAM_START, length, 8 * granule);
            }
        } else if (address % granule != 0 || address % (8 * granule) / granule + length / granule > 16) {
            continue;
        }
        if (address < PROCESS_RAM_START || address > PROCESS_RAM_END || length > PROCESS_RAM_END - address) {
            continue;
        }
        for (unsigned i = 0; i < CONFIG_MAX_PROCESSES; i++) {
            if (overlaps(address, length, &processes[i])) {
                return false;
            }
        }
        process->ram_start = address;
        process->ram_end = address + length;
        process->granule = granule;
        return true;
    }
    return false;
}

bool process_reads_flash(const process_t *process, uint32_t address, uint32_t length) {
    uint32_t start = (uint32_t)&_interpreter_start, end = (uint32_t)&_interpreter_end;
    return process_owns_flash(process, address, length)
        || (process->tbf.python && address >= start && address <= end && length <= end - address);
}

// The interpreter is one for all Python processes, and theirs to run and read, no more.
static void cover_interpreter(process_t *process) {
    uint32_t start = (uint32_t)&_interpreter_start, middle = (uint32_t)&_interpreter_middle;
    uint32_t end = (uint32_t)&_interpreter_end;
    mpu_region_t *regions = &process->mpu[REGION_INTERPRETER];
    if (process->tbf.python) { // nothing for the others
        regions[0] = mpu_region(REGION_INTERPRETER, MPU_FLASH, start, middle);
        regions[1] = mpu_region(REGION_INTERPRETER + 1, MPU_FLASH, middle, end);
    } else {
        regions[0] = mpu_region(REGION_INTERPRETER, MPU_FLASH, start, start);
        regions[1] = mpu_region(REGION_INTERPRETER + 1, MPU_FLASH, start, start);
    }
}

// Other processes lose their access to this one's memory.
static void unshare(const process_t *process) {
    for (unsigned i = 0; i < CONFIG_MAX_PROCESSES; i++) {
        process_t *other = &processes[i];
        other->sharers &= ~(1u << process->slot);
        for (unsigned j = REGION_SHARED; j < REGION_SHARED + REGIONS_SHARED && other->state != PROCESS_UNUSED; j++) {
            uint32_t base = other->mpu[j].rbar & ~31u;
            uint32_t size = 2u << (other->mpu[j].rasr >> MPU_RASR_SIZE_SHIFT & 31);
            if (other->mpu[j].rasr != 0 && base < process->ram_end && process->ram_start < base + size) {
                other->mpu[j].rasr = 0;
                load_regions(other);
            }
        }
    }
}

// Whatever their numbers.
static bool is_same(const mpu_region_t *a, const mpu_region_t *b) {
    return (a->rbar ^ b->rbar) < 32 && a->rasr == b->rasr;
}

share_t process_share(process_t *process, uint32_t start, uint32_t length) {
    uint32_t granule = mpu_granule(start, length);
    if (granule == 0 || length == 0) {
        return SHARE_IMPOSSIBLE;
    }
    mpu_region_t regions[2];
    mpu_cover(regions, REGION_SHARED, MPU_RAM, start, start + length, granule);
    mpu_region_t *slots = &process->mpu[REGION_SHARED];
    bool one = regions[0].rasr == 0 || regions[1].rasr == 0;
    if (one) {
        // One region is enough: keep the other slot's, unless this one is there already.
        mpu_region_t region = regions[0].rasr != 0 ? regions[0] : regions[1];
        if (is_same(&slots[0], &region) || is_same(&slots[1], &region)) {
            return SHARE_THERE;
        }
        regions[1] = slots[0];
        regions[0] = region;
    } else if (is_same(&slots[0], &regions[0]) && is_same(&slots[1], &regions[1])) {
        return SHARE_THERE;
    }
    for (unsigned i = 0; i < 2; i++) {
        slots[i].rbar = (regions[i].rbar & ~31u) | MPU_RBAR_VALID | (REGION_SHARED + i);
        slots[i].rasr = regions[i].rasr;
    }
    load_regions(process);
    return SHARE_NEW;
}

// -- Life and death -----------------------------------------------------------

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
    allocator_forget(process);
    process->queue_length = process->placed = 0;
    process->look = process->tbf.has_permissions ? LOOK_PERMISSIONS : 0;
    process->grant_start = process->ram_end;
    process->sharers = 0;
    unshare(process);
    process_silence(process);
    for (unsigned i = REGION_SHARED; i < REGION_SHARED + REGIONS_SHARED; i++) {
        process->mpu[i] = (mpu_region_t) { MPU_RBAR_VALID | i, 0 };
    }
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
    clear_later(process, process->ram_start);
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
    cover_ram(process);
    cover_interpreter(process);
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

static mp_obj_t clear_piece(void) {
    for (unsigned i = 0; i < CONFIG_MAX_PROCESSES; i++) {
        process_t *process = &processes[i];
        if (process->clear_at == 0) {
            continue;
        }
        uint32_t end = process->starting ? process->grant_start : process->app_break;
        uint32_t length = MAX(end, process->clear_at) - process->clear_at;
        clear(process->clear_at, MIN(length, CLEARED_AT_ONCE));
        process->clear_at += CLEARED_AT_ONCE;
        if (length <= CLEARED_AT_ONCE) {
            if (process->starting) {
                finish_start(process);
            }
            process->clear_at = 0;
            schedule_update(process);
        }
        interrupt_trigger(clear_line); // once more: there may be others
        break;
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(clear_piece_obj, clear_piece);

void process_init(void) {
    clear_line = interrupt_reserve_software_line(MP_OBJ_FROM_PTR(&clear_piece_obj));
}

process_t *process_create(const tbf_t *tbf) {
    process_t *process = NULL;
    for (unsigned i = 0; i < CONFIG_MAX_PROCESSES && process == NULL; i++) {
        if (processes[i].state == PROCESS_UNUSED) {
            process = &processes[i];
            memset(process, 0, sizeof(*process));
            process->slot = i;
        }
    }
    if (process == NULL) {
        kernel_log_app(tbf);
        kernel_printf(": not started, all %u process slots are in use\n", CONFIG_MAX_PROCESSES);
        return NULL;
    }
    process->tbf = *tbf;
    uint32_t granule = mpu_granule(tbf->start, tbf->end - tbf->start);
    if (granule == 0) {
        kernel_log_app(tbf);
        kernel_printf(": not started, the MPU cannot cover its flash\n");
        return NULL;
    }
    mpu_cover(&process->mpu[REGION_FLASH], REGION_FLASH, MPU_FLASH, tbf->start, tbf->end, granule);
    if (!allocate_ram(process, tbf)) {
        kernel_log_app(tbf);
        kernel_printf(": not started, no room for %u bytes of RAM\n", (unsigned)tbf->min_ram);
        return NULL;
    }
    start(process);
    return process;
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

// -- Upcalls ------------------------------------------------------------------

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

static place_t *places(const process_t *process, unsigned driver) {
    return (place_t *)(process->grants[driver] + drivers[driver].fields_at) - drivers[driver].answers;
}

// The queue is full. An answer waits in a place; where no command may be refused (an alarm can always be set
// anew), the newest one in the place of the older.
static bool put_in_place(process_t *process, const upcall_t *upcall) {
    const driver_t *driver = &drivers[upcall->driver];
    if (process->grants[upcall->driver] != NULL) {
        place_t *place = places(process, upcall->driver);
        for (unsigned i = 0; i < driver->answers; i++, place++) {
            bool free = place->kind == UPCALL_EMPTY;
            if (free || (!allocator_asks(driver) && place->number == upcall->number)) {
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
    int number = allocator_answer(&drivers[driver], command);
    for (unsigned i = 0; number >= 0 && process->grants[driver] != NULL && i < drivers[driver].answers; i++) {
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
            for (unsigned i = 0; process->grants[driver] != NULL && i < drivers[driver].answers; i++) {
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
        for (unsigned i = 0; driver != NULL && process->grants[index] != NULL && i < driver->answers; i++) {
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
    for (unsigned i = 0; process->placed != 0 && i < drivers[driver].answers; i++) {
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

void process_silence(const process_t *process) {
    for (unsigned i = 0; i < CONFIG_MAX_PROCESSES; i++) {
        process_t *other = &processes[i];
        for (unsigned j = 0; j < other->queue_length;) {
            const upcall_t *upcall = queue_at(other, j);
            if (upcall->kind == UPCALL_IPC && upcall->args[0] == process->slot) {
                queue_remove(other, j);
            } else {
                j++;
            }
        }
        refill(other);
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
