// The scheduler and the kernel's loop.

#include "arch/cortex_m4/registers.h"
#include "core/context_switch.h"
#include "core/interrupt.h"
#include "kernel/bottom_half.h"
#include "kernel/schedule.h"
#include "kernel/sleep_clock.h"
#include "kernel/tick.h"
#include "memory_map.h"
#include "py/gc.h"
#include "py/mpstate.h"

#define KERNEL_TICKS (2) // interrupts may keep the processes waiting for so many ticks in one go, then one has its slice;
#define KERNEL_AHEAD (1000) // and be so many ahead of them in all: then they have theirs in turn

// Collect garbage when idle and this much has been allocated since the last time.
#define COLLECT_AFTER (CONFIG_WIRED ? CONFIG_KERNEL_RUN_HEAP_BYTES / 4 : CONFIG_KERNEL_HEAP_KB * 1024 / 8)

uint32_t ready_processes;
unsigned schedule_rounds_line;

// Side by side: one address is quicker to come by than four.
static struct {
    unsigned last_slot; // who had the CPU last
    unsigned rounds;
    unsigned owed;   // ticks that interrupts have had, and processes have not, since a process was last ready
    unsigned paying; // slices that processes have before interrupts go on: as many as these had in one go, or one; <= owed
} turn;

#define ROUNDS (64) // of the kernel's loop, each of which ends after a time slice at the latest

void schedule_update(process_t *process) {
    uint32_t bit = 1u << process->slot;
    if (process->state == PROCESS_RUNNING && !process->stopped && process->clear_at == 0) {
        ready_processes |= bit;
    } else {
        ready_processes &= ~bit;
    }
}

// Policy: which of them, of which there is one.
static process_t *choose(uint32_t ready, bool expired) {
    #if CONFIG_SCHEDULER_PRIORITY
    return processes[__builtin_ctz(ready)];
    #else
    if ((CONFIG_SCHEDULER_COOPERATIVE || !expired) && (ready >> turn.last_slot & 1) && current_process != NULL) {
        return current_process;
    }
    // The next one after the last: bits above `last_slot` first. (2 << 31 is 0: no bits above.)
    uint32_t above = ready & -(2u << turn.last_slot);
    return processes[__builtin_ctz(above ? above : ready)];
    #endif
}

static size_t collected_at;

// Not inline: `adder bench` sees by its address when the kernel sleeps.
__attribute__((noinline)) static void sleep_until_interrupt(void) {
    tick_run(false);
    if (MP_STATE_MEM(total_bytes_allocated) - collected_at > COLLECT_AFTER) {
        gc_collect();
        collected_at = MP_STATE_MEM(total_bytes_allocated);
    }
    __asm volatile ("cpsid i" ::: "memory");
    if (!interrupt_any_pending()) {
        // The load is for a simulator, which can see cheaply that data is read (adder/run/lockstep.py). `wfi` wakes although
        // interrupts are off.
        __asm volatile ("ldr r3, [pc, #0]\n dsb\n wfi" ::: "r3", "memory");
    }
    __asm volatile ("cpsie i\n isb" ::: "memory");
}

// Work that goes on by itself, by raising a software line again and again, has one call each time that the kernel is
// entered. It has more, a slice at most, when nobody is ready but a process whose slice is over.
static bool background_waits(void) {
    if (ready_processes == 0) {
        timeslice_expired = 0; // the clock that runs in sleep says so, too; whoever wakes up has not had it
        return false;
    }
    if (interrupt_any_pending_in_hardware()) {
        return false;
    }
    return ready_processes != 1u << turn.last_slot || !timeslice_expired || tick_kernel != 0;
}

// Returns when what is left has its turn. Not inline: a change of processes would save registers for it.
__attribute__((noinline)) static enum { NOTHING, NOW, LATER } serve_interrupts(void) {
    if (turn.paying != 0 && ready_processes != 0) {
        return LATER;
    }
    tick_run(true);
    bottom_halves_run();
    if (tick_kernel >= KERNEL_TICKS || turn.owed + tick_kernel >= KERNEL_AHEAD) {
        turn.paying = MAX(tick_kernel, 1);
    }
    return !interrupt_any_pending() ? NOTHING : background_waits() ? LATER : NOW;
}

// Called from PendSV: do what interrupts have left to do, then name the process to run.
process_t *kernel_work(void) {
    if (timeslice_expired) {
        if (turn.owed != 0) {
            turn.owed--;
            turn.paying -= turn.paying != 0;
        }
    } else if (turn.paying != 0 && (ready_processes >> turn.last_slot & 1)) {
        return current_process;
    }
    tick_kernel = 0; // a system call's are not the interrupts'
    for (;;) {
        if (schedule_rounds_line != 0 && ++turn.rounds % ROUNDS == 0) {
            interrupt_trigger(schedule_rounds_line);
        }
        unsigned left = interrupt_any_pending() ? serve_interrupts() : NOTHING;
        if (left == NOW) {
            continue;
        }
        uint32_t ready = ready_processes;
        if (ready == 0) {
            turn.owed = turn.paying = tick_kernel = 0; // nobody has waited
            sleep_until_interrupt();
            continue;
        }
        bool expired = timeslice_expired; // with a tick in the kernel as well
        process_t *next = choose(ready, expired);
        if (next != current_process || expired || !tick_on) { // not ticking: it has slept
            if (expired && current_process != NULL) {
                current_process->timeslice_expirations++;
            }
            SYST_CVR = 0; // a whole slice for this one
            sleep_clock_restart();
            tick_run(true);
        }
        timeslice_expired = 0;
        turn.owed += tick_kernel;
        if (left == LATER) {
            SCB_ICSR = ICSR_PENDSVCLR; // the rest of the interrupts' work comes after the slice
            if (turn.paying == 0 && interrupt_any_pending_in_hardware()) {
                context_switch_request(); // one that came just now
            }
        }
        turn.last_slot = next->slot;
        return next;
    }
}

void schedule_start(void) {
    collected_at = MP_STATE_MEM(total_bytes_allocated); // what wiring has left behind is not worth a collection
    tick_kernel = 0;
    sleep_clock_begin();
    sleep_clock_run(tick_on);
    context_switch_request();
    __asm volatile ("msr basepri, %0" :: "r" (0)); // startup.c has masked interrupts until here
    barrier();
    for (;;) {
        // Never reached: PendSV does not return to the boot thread.
    }
}
