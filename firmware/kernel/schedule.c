// The scheduler and the kernel's loop.

#include "arch/cortex_m4/registers.h"
#include "core/context_switch.h"
#include "core/interrupt.h"
#include "kernel/contain.h"
#include "kernel/schedule.h"
#include "kernel/sleep_clock.h"
#include "memory_map.h"
#include "py/gc.h"
#include "py/mpstate.h"

#define SLICE_TICKS ((uint32_t)((uint64_t)BOARD_CPU_HZ * CONFIG_TIME_SLICE_US / 1000000))
_Static_assert((uint64_t)BOARD_CPU_HZ * CONFIG_TIME_SLICE_US / 1000000 <= 0x1000000, "SysTick counts 24 bits");

#define SOON_TICKS (9973)
#define KERNEL_TICKS (2) // interrupts may keep the processes waiting for so many ticks, then one has its slice

// Collect garbage when idle and this much has been allocated since the last time.
#define COLLECT_AFTER (CONFIG_KERNEL_HEAP_KB * 1024 / 8)

process_t *current_process;
uint32_t ready_processes;
volatile uint32_t timeslice_expired; // set by SysTick_Handler: in a process, or in the kernel on its behalf
static unsigned last_slot;           // who had the CPU last
static bool ticking;
uint32_t schedule_kernel_ticks;
unsigned schedule_rounds_line;

#define ROUNDS (64) // of the kernel's loop, each of which ends after a time slice at the latest

void schedule_update(process_t *process) {
    uint32_t bit = 1u << process->slot;
    if (process->state == PROCESS_RUNNING && !process->stopped && process->clear_at == 0) {
        ready_processes |= bit;
    } else {
        ready_processes &= ~bit;
    }
}

// Policy. NULL if no process can run.
static process_t *choose(void) {
    uint32_t ready = ready_processes;
    if (ready == 0) {
        return NULL;
    }
    #if CONFIG_SCHEDULER_PRIORITY
    return &processes[__builtin_ctz(ready)];
    #else
    if ((CONFIG_SCHEDULER_COOPERATIVE || !timeslice_expired) && (ready >> last_slot & 1) && current_process != NULL) {
        return current_process;
    }
    // The next one after the last: bits above `last_slot` first. (2 << 31 is 0: no bits above.)
    uint32_t above = ready & -(2u << last_slot);
    return &processes[__builtin_ctz(above ? above : ready)];
    #endif
}

void schedule_tick(bool on) {
    if (on != ticking) {
        SYST_CSR = on ? SYST_CSR_ENABLE | SYST_CSR_TICKINT | SYST_CSR_CLKSOURCE : 0;
        sleep_clock_run(on);
        ticking = on;
    }
}

void schedule_tick_soon(void) {
    SYST_RVR = SOON_TICKS;
    SYST_CVR = 0;
}

void schedule_tick_normal(void) {
    SYST_RVR = SLICE_TICKS - 1;
}

static void sleep_until_interrupt(void) {
    static size_t collected_at;
    schedule_tick(false);
    if (MP_STATE_MEM(total_bytes_allocated) - collected_at > COLLECT_AFTER) {
        gc_collect();
        collected_at = MP_STATE_MEM(total_bytes_allocated);
    }
    __asm volatile ("cpsid i" ::: "memory");
    if (!interrupt_any_pending()) {
        __asm volatile ("dsb\n wfi" ::: "memory"); // wakes although interrupts are off
    }
    __asm volatile ("cpsie i\n isb" ::: "memory");
}

// Work that goes on by itself, by raising a software line again and again, has one call each time that the kernel is
// entered. It has more, a slice at most, when nobody is ready but a process whose slice is over.
static bool background_waits(void) {
    if (interrupt_any_pending_in_hardware() || ready_processes == 0) {
        return false;
    }
    return ready_processes != 1u << last_slot || !timeslice_expired || schedule_kernel_ticks != 0;
}

// Called from PendSV: do what interrupts have left to do, then name the process to run.
process_t *kernel_work(void) {
    static unsigned rounds;
    schedule_kernel_ticks = 0; // a system call's are not the interrupts'
    for (;;) {
        if (++rounds % ROUNDS == 0 && schedule_rounds_line != 0) {
            interrupt_trigger(schedule_rounds_line);
        }
        bool later = schedule_kernel_ticks >= KERNEL_TICKS && ready_processes != 0;
        if (interrupt_any_pending() && !later) {
            schedule_tick(true);
            interrupt_run_bottom_halves();
            if (interrupt_any_pending()) {
                later = background_waits();
                if (!later) {
                    continue;
                }
            }
        }
        process_t *next = choose();
        if (next == NULL) {
            sleep_until_interrupt();
            continue;
        }
        if (next != current_process || timeslice_expired || !ticking) { // not ticking: it has slept
            if (timeslice_expired && current_process != NULL) {
                current_process->timeslice_expirations++;
            }
            SYST_CVR = 0; // a whole slice for this one
            sleep_clock_restart();
            schedule_tick(true);
        }
        timeslice_expired = 0;
        if (later) {
            SCB_ICSR = ICSR_PENDSVCLR; // the rest of the interrupts' work comes after the slice
            if (schedule_kernel_ticks < KERNEL_TICKS && interrupt_any_pending_in_hardware()) {
                context_switch_request(); // one that came just now
            }
        }
        last_slot = next->slot;
        return next;
    }
}

void schedule_start(void) {
    schedule_kernel_ticks = 0;
    sleep_clock_begin();
    sleep_clock_run(ticking);
    context_switch_request();
    __asm volatile ("msr basepri, %0" :: "r" (0)); // startup.c has masked interrupts until here
    barrier();
    for (;;) {
        // Never reached: PendSV does not return to the boot thread.
    }
}
