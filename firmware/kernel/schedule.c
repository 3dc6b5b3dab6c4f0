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

#define CYCLES(us) ((uint32_t)((uint64_t)BOARD_CPU_HZ * (us) / 1000000))
#define SLICE CYCLES(CONFIG_TIME_SLICE_US)
#define AHEAD SLICE // interrupts may have so much more time than processes; then these have as much before the next ones
#define AHEAD_BY_ITSELF CYCLES(2000) // the same of work that goes on by itself
#define LEAST CYCLES(100) // what a process has at least

// Collect garbage when idle and this much has been allocated since the last time.
#define COLLECT_AFTER (CONFIG_WIRED ? CONFIG_KERNEL_RUN_HEAP_BYTES / 4 : CONFIG_KERNEL_HEAP_KB * 1024 / 8)

uint32_t ready_processes;
unsigned schedule_rounds_line;

// Side by side: one address is quicker to come by than five.
static struct {
    unsigned last_slot; // who had the CPU last
    unsigned rounds;
    uint32_t owed;    // cycles that interrupts have had, and processes have not, since a process was last ready
    uint32_t left_at; // what SysTick had left when a process was last let run; kept while something is owed
    bool paying;      // SysTick ends not a slice, but what is owed
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
// entered. It has more when nobody is ready but a process whose slice is over.
static bool background_waits(void) {
    if (ready_processes == 0) {
        timeslice_expired = 0; // the clock that runs in sleep says so, too; whoever wakes up has not had it
        return false;
    }
    if (interrupt_any_pending_in_hardware()) {
        return false;
    }
    return ready_processes != 1u << turn.last_slot || !timeslice_expired;
}

// Returns when what is left has its turn. Not inline: a change of processes would save registers for it.
__attribute__((noinline)) static enum { NOTHING, NOW, LATER } serve_interrupts(void) {
    uint32_t ahead = interrupt_any_pending_in_hardware() ? AHEAD : AHEAD_BY_ITSELF;
    if (turn.owed > ahead && ready_processes != 0) {
        SYST_RVR = MAX(MIN(turn.owed - ahead, SLICE), LEAST) - 1;
        timeslice_expired = turn.paying = true;
        return LATER;
    }
    tick_run(true);
    bool awaited = ready_processes != 0;
    uint32_t ticks = tick_kernel, left = SYST_CVR;
    bottom_halves_run();
    left -= SYST_CVR;
    turn.owed = awaited ? turn.owed + MAX((int32_t)(left + (tick_kernel - ticks) * SLICE), 0) : 0; // nobody has waited
    return !interrupt_any_pending() ? NOTHING : background_waits() ? LATER : NOW;
}

// Not inline, either: what a process has had since it was let run.
__attribute__((noinline)) static void settle(void) {
    uint32_t had = timeslice_expired ? turn.left_at : turn.left_at - SYST_CVR;
    turn.owed -= MIN(turn.owed, had);
    if (turn.paying) {
        turn.paying = false;
        tick_normal();
        SYST_CVR = 0;
        timeslice_expired = 1; // or who is interrupted again and again would have the CPU for good
    }
}

// Called from PendSV: do what interrupts have left to do, then name the process to run.
process_t *kernel_work(void) {
    if (turn.owed != 0) {
        settle();
    }
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
            turn.owed = 0;
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
        timeslice_expired = tick_kernel = 0;
        if (left == LATER) {
            SCB_ICSR = ICSR_PENDSVCLR; // the rest of the interrupts' work comes after the slice
            if (interrupt_any_pending_in_hardware() && (!turn.paying || turn.owed <= AHEAD)) {
                context_switch_request(); // one that came just now
            }
        }
        if (turn.owed != 0) {
            turn.left_at = SYST_CVR;
            turn.left_at = turn.left_at != 0 ? turn.left_at : SYST_RVR; // it is about to be that
        }
        turn.last_slot = next->slot;
        return next;
    }
}

void schedule_start(void) {
    collected_at = MP_STATE_MEM(total_bytes_allocated); // what wiring has left behind is not worth a collection
    sleep_clock_begin();
    sleep_clock_run(tick_on);
    context_switch_request();
    __asm volatile ("msr basepri, %0" :: "r" (0)); // startup.c has masked interrupts until here
    barrier();
    for (;;) {
        // Never reached: PendSV does not return to the boot thread.
    }
}
