// Badstack: makes a system call, or waits to be preempted, with its stack pointer where it may not be.
//
// Shows:   a frame that cannot be stacked is the process's fault and not the kernel's.
// Build:   make apps                  (build/apps/badstack-*.tbf, one for each place)
// Run:     adder simulate with one of them and hello in the flash image
// Expect:  the kernel's fault report; hello goes on.
//
// Argument: WHERE HOW. WHERE is one of kernel, peripheral, flash, system, nowhere, edge (only the last words
// of the frame fit), fpedge (with floating-point registers in use, only their half of the frame does not
// fit), odd (misaligned), or an address. HOW is call (a system call) or spin (preemption).

#include "adder.h"

__attribute__((noreturn)) static void call_at(uint32_t stack) {
    __asm__ volatile("mov sp, %0\n movs r0, #2\n svc #5\n 1: b 1b" ::"r"(stack) : "r0");
    __builtin_unreachable();
}

__attribute__((noreturn)) static void spin_at(uint32_t stack) {
    __asm__ volatile("mov sp, %0\n 1: b 1b" ::"r"(stack));
    __builtin_unreachable();
}

int main(void) {
    const char *text = app_argument();
    char where[16], how[8];
    next_word(&text, where, sizeof(where));
    next_word(&text, how, sizeof(how));
    uint32_t ram = memop(MEMOP_RAM_START, 0).a, stack;
    print("badstack: %s %s\n", where, how);
    if (strcmp(where, "kernel") == 0) {
        stack = 0x20001000;
    } else if (strcmp(where, "peripheral") == 0) {
        stack = 0x40004100;
    } else if (strcmp(where, "flash") == 0) {
        stack = memop(MEMOP_FLASH_END, 0).a;
    } else if (strcmp(where, "system") == 0) {
        stack = 0xe000ee00;
    } else if (strcmp(where, "nowhere") == 0) {
        stack = 0x90000000;
    } else if (strcmp(where, "edge") == 0) {
        stack = ram + 16;
    } else if (strcmp(where, "fpedge") == 0) {
        __asm__ volatile("vmov.f32 s0, #1.0\n vmov.f32 s31, #2.0" ::: "s0", "s31");
        stack = ram + 48; // 32 bytes for the core's registers, 72 for the FPU's (ARMv7-M, B1.5.7)
    } else if (strcmp(where, "odd") == 0) {
        stack = ram + 512 + 2;
    } else {
        stack = parse_number(where, ram);
    }
    if (strcmp(how, "spin") == 0) {
        spin_at(stack);
    }
    call_at(stack);
}
