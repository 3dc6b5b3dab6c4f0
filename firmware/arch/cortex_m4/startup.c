// From reset to main, and the exception vectors (ARMv7-M, B1.5.3).

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "arch/cortex_m4/registers.h"
#include "memory_map.h"

extern uint32_t _vectors, _null_type, _null_type_end, _stack_top, _data_flash, _data_start, _data_end, _bss_start, _bss_end;

int main(void);
void Reset_Handler(void);
void SVC_Handler(void);
void PendSV_Handler(void);
void SysTick_Handler(void);
void fault_entry(void);
void irq_entry(void);
void sleep_clock_handler(void);
bool wired_fill_ram(void);

// Priorities: a smaller number wins. Faults and interrupts preempt the kernel; system calls and PendSV
// are the kernel and do not preempt one another. The tick preempts it to limit the time of capsules.
#define PRIORITY_INTERRUPT (0x40)
#define PRIORITY_TICK (0xc0)
#define PRIORITY_KERNEL (0xe0) // the lowest that every chip has: three bits

// What a reset does, again: a debugger, or a bootloader, may have left the tick, an interrupt or a switch pending. Any of these
// would enter the kernel before `main`.
static void silence(void) {
    SYST_CSR = 0;
    for (unsigned i = 0; i < (BOARD_IRQ_LINES + 31) / 32; i++) {
        NVIC_ICER(i) = NVIC_ICPR(i) = 0xffffffff;
    }
    SCB_ICSR = ICSR_PENDSVCLR | ICSR_PENDSTCLR;
}

static void fill_ram(void) {
    if (!wired_fill_ram()) {
        memset(&_bss_start, 0, (uintptr_t)&_bss_end - (uintptr_t)&_bss_start);
    }
}

// From Reset_Handler: interrupts are off, and the stack is our own.
__attribute__((noreturn, used)) void begin(void) {
    silence();
    SCB_VTOR = (uint32_t)&_vectors; // a bootloader may have its own
    memcpy(&_data_start, &_data_flash, (uintptr_t)&_data_end - (uintptr_t)&_data_start);
    memset(&_null_type, 0, (uintptr_t)&_null_type_end - (uintptr_t)&_null_type);
    fill_ram();

    SCB_SHPR1 = 0;
    SCB_SHPR2 = (uint32_t)PRIORITY_KERNEL << 24;
    SCB_SHPR3 = (uint32_t)PRIORITY_TICK << 24 | PRIORITY_KERNEL << 16;
    for (unsigned i = 0; i < BOARD_IRQ_LINES; i++) {
        NVIC_IPR(i) = PRIORITY_INTERRUPT;
    }
    #ifdef SLEEP_CLOCK_BASE
    NVIC_IPR(SLEEP_CLOCK_IRQ) = PRIORITY_TICK;
    #endif
    SCB_SHCSR |= SHCSR_MEMFAULTENA | SHCSR_BUSFAULTENA | SHCSR_USGFAULTENA;

    // With lazy stacking a process could place its stack so that only the FP half of its frame lies
    // outside its memory, and the store, made later by a handler's own instruction, would fault in
    // the kernel. So frames are stacked whole.
    FPU_FPCCR = (FPU_FPCCR | FPCCR_ASPEN) & ~FPCCR_LSPEN;
    SCB_CPACR = CPACR_FPU_PRIVILEGED;
    barrier();

    // Until schedule_start() this thread is the kernel: no system call or deferred work may preempt it.
    __asm volatile ("msr basepri, %0\n cpsie i" :: "r" (PRIORITY_KERNEL));
    for (;;) {
        main(); // comes back if the board could not be wired for want of memory: from the beginning
        silence();
        fill_ram();
    }
}

__attribute__((section(".vectors"), used)) static void (*const vectors[16 + BOARD_IRQ_LINES])(void) = {
    (void (*)(void))&_stack_top,
    Reset_Handler,
    fault_entry, // NMI
    fault_entry, // HardFault
    fault_entry, // MemManage
    fault_entry, // BusFault
    fault_entry, // UsageFault
    0, 0, 0, 0,
    SVC_Handler,
    fault_entry, // DebugMonitor
    0,
    PendSV_Handler,
    SysTick_Handler,
    #ifdef SLEEP_CLOCK_BASE
    [16 ... 16 + SLEEP_CLOCK_IRQ - 1] = irq_entry,
    sleep_clock_handler,
    [16 + SLEEP_CLOCK_IRQ + 1 ... 16 + BOARD_IRQ_LINES - 1] = irq_entry,
    #else
    [16 ... 16 + BOARD_IRQ_LINES - 1] = irq_entry,
    #endif
};
