// The system calls as a Python process makes them (TRD104).

#ifndef ADDER_PYTHON_PROCESS_SYSCALLS_H
#define ADDER_PYTHON_PROCESS_SYSCALLS_H

#include <stdint.h>

enum { SVC_YIELD, SVC_SUBSCRIBE, SVC_COMMAND, SVC_ALLOW_READ_WRITE, SVC_ALLOW_READ_ONLY, SVC_MEMOP, SVC_EXIT, SVC_ALLOW_READABLE };
enum { YIELD_NO_WAIT, YIELD_WAIT, YIELD_WAIT_FOR };
enum { MEMOP_FLASH_START = 4, MEMOP_STACK_TOP = 10, MEMOP_HEAP_START = 11 };

// What a command answers (TRD104); syscall_module.c knows the others.
enum { SYSCALL_SUCCESS = 128, SYSCALL_SUCCESS_U32, SYSCALL_SUCCESS_U32_U32 };

#define SVC_CRASH (0xff) // no system call: the kernel treats it as a fault

typedef struct {
    uint32_t r0, r1, r2, r3;
} registers_t;

// A yield runs upcalls, which may use every register that a function may.
// The arguments are computed first: a call among them would overwrite the registers.
#define SYSCALL(number, a, b, c, d) ({ \
        const uint32_t first = (uint32_t)(a), second = (uint32_t)(b), third = (uint32_t)(c), fourth = (uint32_t)(d); \
        register uint32_t r0 __asm("r0") = first; \
        register uint32_t r1 __asm("r1") = second; \
        register uint32_t r2 __asm("r2") = third; \
        register uint32_t r3 __asm("r3") = fourth; \
        __asm volatile ("svc %4" : "+r" (r0), "+r" (r1), "+r" (r2), "+r" (r3) : "i" (number) \
            : "r12", "lr", "cc", "memory", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", \
            "s12", "s13", "s14", "s15"); \
        (registers_t) { r0, r1, r2, r3 }; \
    })

static inline registers_t syscall_command(uint32_t driver, uint32_t number, uint32_t a, uint32_t b) {
    return SYSCALL(SVC_COMMAND, driver, number, a, b);
}

static inline __attribute__((noreturn)) void syscall_exit(uint32_t code) {
    SYSCALL(SVC_EXIT, 0, code, 0, 0);
    __builtin_unreachable();
}

static inline __attribute__((noreturn)) void syscall_crash(void) {
    SYSCALL(SVC_CRASH, 0, 0, 0, 0);
    __builtin_unreachable();
}

#endif
