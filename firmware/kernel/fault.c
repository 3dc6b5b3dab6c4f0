// Faults. A process that does what it may not is marked as faulted and never runs on by itself; a
// capsule (capsules/core/process_faults.py) prints the report and applies the policy.

#include <stdarg.h>

#include "arch/cortex_m4/registers.h"
#include "core/context_switch.h"
#include "core/interrupt.h"
#include "kernel/crash_screen.h"
#include "kernel/fault.h"
#include "kernel/ipc_share.h"
#include "kernel/log.h"
#include "kernel/schedule.h"
#include "kernel/upcall.h"
#include "memory_map.h"
#include "py/mpprint.h"
#include "py/runtime.h"

static unsigned notify_line;

void fault_notify(unsigned line) {
    notify_line = line;
}

void fault_tell(void) {
    if (notify_line != 0) {
        interrupt_trigger(notify_line);
    }
}

static void mark_faulted(process_t *process) {
    process->state = PROCESS_FAULTED;
    process->completed = false;
    upcall_silence(process);
    schedule_update(process);
    if (process == current_process) {
        uint32_t psp;
        __asm volatile ("mrs %0, psp" : "=r" (psp));
        process->psp = psp;
    }
    context_switch_request();
    fault_tell();
    if (notify_line == 0) {
        kernel_log_app(&process->tbf);
        kernel_printf(": faulted\n");
    }
}

void process_fault(process_t *process) {
    process->fault_status = process->hard_fault_status = process->fault_address = 0;
    process->frame_lost = false;
    mark_faulted(process);
}

// The process's first floating-point instruction: until now it had no FPU, and so no chance to read
// what others left in its registers.
static void give_fpu(void) {
    SCB_CPACR = CPACR_FPU_ALL;
    barrier();
    static const uint32_t zeros[32];
    __asm volatile ("vldmia %0, {s0-s31}\n vmsr fpscr, %1" :: "r" (zeros), "r" (0) : "memory");
    // Leave no FP state of the handler's own behind, or its frame would not match (B1.5.8).
    __asm volatile ("msr control, %0\n isb" :: "r" (1));
}

// Entered from fault_entry for faults in thread mode: a process did it.
// Safety: the process's registers were saved in its record; nothing of its memory is read.
void fault_of_process(process_t *process) {
    uint32_t status = SCB_CFSR;
    SCB_CFSR = status; // write one to clear
    if (status == CFSR_NOCP && SCB_CPACR != CPACR_FPU_ALL) {
        give_fpu();
        return;
    }
    if (status == (CFSR_DACCVIOL | CFSR_MMARVALID) && ipc_reach(process, SCB_MMFAR)) {
        return; // to the same instruction
    }
    process->fault_status = status;
    process->hard_fault_status = SCB_HFSR;
    SCB_HFSR = process->hard_fault_status;
    process->fault_address = status & CFSR_MMARVALID ? SCB_MMFAR : status & CFSR_BFARVALID ? SCB_BFAR : 0;
    process->frame_lost = status & (CFSR_MSTKERR | CFSR_STKERR);
    // A system call whose frame could not be stacked would otherwise be taken later, from the kernel,
    // with whatever the stack pointer then points to.
    SCB_SHCSR &= ~SHCSR_SVCALLPENDED;
    mark_faulted(process);
}

static __attribute__((noreturn)) void stop(void) {
    for (;;) {
        #if !CONFIG_NRF52_WATCHDOG // which stands still while the processor sleeps
        __asm volatile ("wfi");
        #endif
    }
}

// Whatever ends the kernel comes here first, and only once: what is broken may break the report, too.
static void begin_report(void) {
    static bool begun;
    __asm volatile ("cpsid i");
    if (begun) {
        for (const char *c = "\r\nfault in the crash report\r\n"; *c != '\0'; c++) {
            board_panic_putc(*c);
        }
        stop();
    }
    begun = true;
    kernel_log_panic(crash_screen_put);
    crash_screen_begin();
}

static __attribute__((noreturn)) void end_report(const uint32_t *stack) {
    crash_screen_callers(stack);
    // Late, since it follows pointers.
    if (current_process != NULL) {
        kernel_printf("current process: ");
        kernel_log_app(&current_process->tbf);
        kernel_printf("\n");
    }
    crash_screen_code();
    stop();
}

void kernel_panic(const char *format, ...) {
    begin_report();
    va_list arguments;
    va_start(arguments, format);
    mp_vprintf(&kernel_print, format, arguments);
    va_end(arguments);
    crash_screen_reason_ends();
    end_report(__builtin_frame_address(0));
}

// Entered from fault_entry for faults in handler mode: the kernel did it, and can't be trusted to
// go on. If its stack has overflowed there is no frame, and no values of the registers in it.
void fault_of_kernel(const exception_frame_t *frame, const uint32_t r4_to_r11[8], uint32_t exc_return) {
    begin_report();
    kernel_printf("fault in the kernel");
    crash_screen_reason_ends();
    kernel_printf("kernel fault: CFSR %x HFSR %x MMFAR %x BFAR %x\n",
        (unsigned)SCB_CFSR, (unsigned)SCB_HFSR, (unsigned)SCB_MMFAR, (unsigned)SCB_BFAR);
    const uint32_t *stack = (const uint32_t *)frame;
    bool stacked = crash_screen_on_stack(stack, sizeof(*frame));
    if (stacked) {
        // B1.5.7: the frame has 18 more words of FP registers if bit 4 is 0, and one to align it if bit 9 is 1.
        stack += 8 + (exc_return & 0x10 ? 0 : 18) + (frame->psr >> 9 & 1);
        kernel_printf("R0-R3  %08x %08x %08x %08x\n",
            (unsigned)frame->r0, (unsigned)frame->r1, (unsigned)frame->r2, (unsigned)frame->r3);
    }
    for (unsigned i = 0; i < 8; i += 4) {
        kernel_printf("R%u-R%-2u %08x %08x %08x %08x\n", i + 4, i + 7, (unsigned)r4_to_r11[i],
            (unsigned)r4_to_r11[i + 1], (unsigned)r4_to_r11[i + 2], (unsigned)r4_to_r11[i + 3]);
    }
    if (stacked) {
        kernel_printf("R12 %08x SP %08x LR %08x PC %08x xPSR %08x\n",
            (unsigned)frame->r12, (unsigned)stack, (unsigned)frame->lr, (unsigned)frame->pc, (unsigned)frame->psr);
    } else {
        kernel_printf("SP %08x is not in the stack: an overflow?\n", (unsigned)stack);
    }
    end_report(stack);
}
