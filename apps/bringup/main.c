// Bringup: does what the kernel's bring-up bench asks, one job after the other (docs/bring-up.md).
//
// Shows:   what a board can be asked by a program without any power: traps, memory, FPU registers, speed.
// Build:   make apps                  (build/apps/bringup-trap.tbf, bringup-work.tbf, bringup-other.tbf)
// Run:     adder bringup
// Expect:  the report of the bench; the programs say nothing themselves.
//
// Argument: which of the three this is. `trap` tries what it must not do, one thing in each of its lives; `work` and
// `other` do the rest, side by side where that is the point.

#include "adder.h"

enum { DRIVER_BRINGUP = 0xbd0001, COMMAND_JOB = 1, COMMAND_RESULT = 2 };

// capsules/bringup/jobs.py
enum {
    JOB_NONE,
    JOB_READ,
    JOB_WRITE,
    JOB_EXECUTE,
    JOB_STORE_THEN_CALL,
    JOB_PRIVILEGE,
    JOB_DOZE,
    JOB_FLOAT,
    JOB_SPIN,
    JOB_RAM,
};

enum { INSTRUCTIONS = 256 }; // of one round of run()

uint32_t float_round(uint32_t seed, uint32_t loops, uint32_t *want);

static void woken(uint32_t a, uint32_t b, uint32_t c, void *data) {
    (void)a, (void)b, (void)c, (void)data;
}

// So many rounds of instructions, more than the flash's buffers hold, of which each takes a cycle if it is there.
__attribute__((noinline)) static void run(uint32_t rounds) {
    __asm__ volatile("1:\n .rept %c1 - 2\n adds r3, r3, #1\n .endr\n subs %0, %0, #1\n bne.w 1b"
                     : "+r"(rounds)
                     : "i"(INSTRUCTIONS)
                     : "r3", "cc");
}

// Compute for so many milliseconds: how many thousand instructions a second that was.
static uint32_t spin(uint32_t ms) {
    uint32_t hz = alarm_frequency(), ticks = ms_to_ticks(ms), begun = alarm_now(), rounds = 0, passed;
    do {
        run(50);
        rounds += 50;
        passed = alarm_now() - begun;
    } while (passed < ticks);
    return (uint64_t)rounds * INSTRUCTIONS * hz / passed / 1000;
}

// Keep values in the FPU's registers for so many milliseconds: how many were lost.
static uint32_t keep_floats(uint32_t seed, uint32_t ms, uint32_t *rounds) {
    uint32_t want[32], lost = 0, ticks = ms_to_ticks(ms), begun = alarm_now();
    do {
        seed = seed * 1664525u + 1013904223u;
        lost += float_round(seed, 1000 + (seed >> 22), want);
        ++*rounds;
    } while (alarm_now() - begun < ticks);
    return lost;
}

// All the RAM that there is for a program: each word's own address, then its complement, up and down. How many words
// are wrong; the first of them.
static uint32_t try_ram(uint32_t *tested, uint32_t *first) {
    for (intptr_t step = 65536; step >= 256; step /= 2) {
        while (sbrk(step) != SBRK_FAILED) {
        }
    }
    // What lies in front is in use, by this code as well.
    volatile uint32_t *from = (uint32_t *)((memop(MEMOP_RAM_START, 0).a + 4096) & ~3u);
    volatile uint32_t *end = (uint32_t *)((uint32_t)sbrk(0) & ~3u);
    uint32_t wrong = 0;
    for (volatile uint32_t *p = from; p < end; p++) {
        *p = (uint32_t)p;
    }
    for (volatile uint32_t *p = from; p < end; p++) {
        if (*p != (uint32_t)p && wrong++ == 0) {
            *first = (uint32_t)p;
        }
        *p = ~(uint32_t)p;
    }
    for (volatile uint32_t *p = end; p-- > from;) {
        if (*p != ~(uint32_t)p && wrong++ == 0) {
            *first = (uint32_t)p;
        }
    }
    *tested = (uint32_t)(end - from) * 4;
    return wrong;
}

static void give(uint32_t result, uint32_t more) {
    command(DRIVER_BRINGUP, COMMAND_RESULT, result, more);
}

static void work(uint32_t job, uint32_t what, uint32_t seed) {
    uint32_t more = 0, result = 1; // of a trap: it was none
    switch (job) {
        case JOB_READ:
            *(volatile uint32_t *)what;
            break;
        case JOB_WRITE:
            *(volatile uint32_t *)what = 0x5adbad;
            break;
        case JOB_EXECUTE:
            ((void (*)(void))(what | 1))();
            break;
        case JOB_STORE_THEN_CALL:
            // If the store's fault were imprecise, it might come within the system call, and be the kernel's.
            __asm__ volatile("str r0, [%0]\n movs r0, #2\n svc #5" ::"r"(what) : "r0", "r1", "r2", "r3", "memory");
            break;
        case JOB_PRIVILEGE:
            __asm__ volatile("msr control, %1\n msr basepri, %1\n cpsid i\n isb\n mrs %0, control" : "=r"(result) : "r"(2));
            result = (result & 1) ? 0 : 1;
            break;
        case JOB_DOZE:
            for (;;) {
                __asm__ volatile("wfi");
            }
        case JOB_FLOAT:
            result = keep_floats(seed, what, &more);
            break;
        case JOB_SPIN:
            result = spin(what);
            break;
        case JOB_RAM:
            result = try_ram(&more, &what);
            if (result != 0) {
                more = what;
            }
            break;
        default:
            return;
    }
    give(result, more);
}

int main(void) {
    const char *names[] = { "trap", "work", "other" };
    uint32_t role = 0;
    while (role < 2 && strcmp(app_argument(), names[role]) != 0) {
        role++;
    }
    subscribe(DRIVER_BRINGUP, 0, woken, 0);
    for (;;) {
        result_t job = command(DRIVER_BRINGUP, COMMAND_JOB, role, 0);
        if (job.variant == SUCCESS_2_U32 && job.a != JOB_NONE) {
            work(job.a, job.b, 0x9e3779b9u * (role + 1));
        } else {
            yield_wait();
        }
    }
}
