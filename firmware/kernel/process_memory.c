// Processes: their memory, and what the MPU lets them have of it.

#include <string.h>

#include "arch/cortex_m4/registers.h"
#include "core/interrupt.h"
#include "core/running.h"
#include "kernel/process_memory.h"
#include "kernel/schedule.h"
#include "memory_map.h"
#include "py/runtime.h"

#define CLEARED_AT_ONCE (8192) // bytes: some 1,500 instructions

// Where the regions of a process are in its table.
#define REGION_RAM (0)
#define REGION_FLASH (2)
#define REGION_SHARED (4)
#define REGIONS_SHARED (2)
#define REGION_INTERPRETER (6)

// The linker script puts the interpreter apart from the rest of the kernel.
extern uint8_t _interpreter_start, _interpreter_middle, _interpreter_end;

static unsigned clear_line;
static uint8_t clear_last; // the slot of the last piece: the others are first, whatever it asks for meanwhile
static void (*clear_begun)(process_t *process); // for one that was starting

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
        process_accessible_end(process, process->app_break), process->granule);
    load_regions(process);
}

// memset() takes an instruction for each byte, and four if the beginning is odd.
// Safety: the range lies in the RAM of one process, below its grants.
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

void process_memory_clear_later(process_t *process, uint32_t start) {
    process->clear_at = start;
    schedule_update(process);
    interrupt_trigger(clear_line);
}

bool process_set_break(process_t *process, uint32_t address) {
    if (address < process->high_water || address < process->ram_start || address >= process->ram_end
        || process_accessible_end(process, address) > process->grant_start) {
        return false;
    }
    uint32_t old = process->app_break;
    if (address > old && address - old <= CLEARED_AT_ONCE) {
        clear(old, address - old);
    } else if (address > old) {
        process_memory_clear_later(process, old);
    }
    bool same_granule = process_accessible_end(process, address) == process_accessible_end(process, old);
    process->app_break = address;
    if (!same_granule) {
        cover_ram(process);
    }
    return true;
}

static bool overlaps(uint32_t start, uint32_t length, const process_t *other) {
    return other->state != PROCESS_UNUSED && start < other->ram_end && other->ram_start < start + length;
}

// The lowest free address at or above `from` that is a multiple of `unit`.
static uint32_t find_free(uint32_t from, uint32_t length, uint32_t unit) {
    uint32_t address = round_up(from, unit);
    for (unsigned i = 0; i < CONFIG_MAX_PROCESSES; i++) {
        if (overlaps(address, length, processes[i])) {
            return find_free(processes[i]->ram_end, length, unit);
        }
    }
    return address;
}

// The smallest granule wastes least; a larger one reaches further.
// Safety: the RAM is no process's. The record lies where a break never comes, since it begins as the end of the grants.
process_t *process_memory_find(const tbf_t *tbf) {
    if (tbf->min_ram > PROCESS_RAM_END - PROCESS_RAM_START) {
        return NULL;
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
            if (overlaps(address, length, processes[i])) {
                return NULL;
            }
        }
        process_t *process = (process_t *)(address + length) - 1;
        memset(process, 0, sizeof(*process));
        process->ram_start = address;
        process->ram_end = address + length;
        process->granule = granule;
        return process;
    }
    return NULL;
}

uint32_t process_memory_free(uint32_t *largest) {
    uint32_t sum = 0, piece;
    *largest = 0;
    for (uint32_t at = find_free(PROCESS_RAM_START, 1, 1); at < PROCESS_RAM_END; at = find_free(at + piece, 1, 1)) {
        uint32_t end = PROCESS_RAM_END;
        for (unsigned i = 0; i < CONFIG_MAX_PROCESSES; i++) {
            if (processes[i]->state != PROCESS_UNUSED && processes[i]->ram_start >= at) {
                end = MIN(end, processes[i]->ram_start);
            }
        }
        piece = end - at;
        sum += piece;
        *largest = MAX(*largest, piece);
    }
    return sum;
}

// All Python processes share one interpreter; they may run and read it, nothing else.
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

void process_memory_unshare(process_t *process) {
    for (unsigned i = 0; i < CONFIG_MAX_PROCESSES; i++) {
        process_t *other = processes[i];
        if (other->state == PROCESS_UNUSED) {
            continue;
        }
        other->sharers &= ~(1u << process->slot);
        for (unsigned j = REGION_SHARED; j < REGION_SHARED + REGIONS_SHARED; j++) {
            uint32_t base = other->mpu[j].rbar & ~31u;
            uint32_t size = 2u << (other->mpu[j].rasr >> MPU_RASR_SIZE_SHIFT & 31);
            if (other->mpu[j].rasr != 0 && base < process->ram_end && process->ram_start < base + size) {
                other->mpu[j].rasr = 0;
                load_regions(other);
            }
        }
    }
    for (unsigned i = REGION_SHARED; i < REGION_SHARED + REGIONS_SHARED; i++) {
        process->mpu[i] = (mpu_region_t) { MPU_RBAR_VALID | i, 0 };
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

void process_memory_begin(process_t *process) {
    uint32_t start = process->tbf.start, length = process->tbf.end - start;
    mpu_cover(&process->mpu[REGION_FLASH], REGION_FLASH, MPU_FLASH, start, start + length, mpu_granule(start, length));
    cover_ram(process);
    cover_interpreter(process);
}

static mp_obj_t clear_piece(void) {
    for (unsigned i = 0; i < CONFIG_MAX_PROCESSES; i++) {
        clear_last = (clear_last + 1) % CONFIG_MAX_PROCESSES;
        process_t *process = processes[clear_last];
        if (process->state == PROCESS_UNUSED || process->clear_at == 0) {
            continue;
        }
        uint32_t end = process->starting ? process->grant_start : process->app_break;
        uint32_t length = MAX(end, process->clear_at) - process->clear_at;
        clear(process->clear_at, MIN(length, CLEARED_AT_ONCE));
        process->clear_at += CLEARED_AT_ONCE;
        if (length <= CLEARED_AT_ONCE) {
            if (process->starting) {
                clear_begun(process);
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

void process_memory_init(void (*begun)(process_t *process)) {
    clear_begun = begun;
    clear_line = interrupt_reserve(MP_OBJ_FROM_PTR(&clear_piece_obj));
}
