// Faults. A process that does what it may not is marked as faulted and never runs on by itself; a
// capsule (capsules/core/process_faults.py) prints the report and applies the policy.

#include <stdarg.h>

#include "arch/cortex_m4/registers.h"
#include "core/context_switch.h"
#include "core/interrupt.h"
#include "kernel/fault.h"
#include "kernel/log.h"
#include "kernel/schedule.h"
#include "memory_map.h"
#include "py/mpprint.h"
#include "py/runtime.h"

static unsigned notify_line;

void fault_notify(unsigned line) {
    notify_line = line;
}

static void mark_faulted(process_t *process) {
    process->state = PROCESS_FAULTED;
    process->completed = false;
    schedule_update(process);
    if (process == current_process) {
        uint32_t psp;
        __asm volatile ("mrs %0, psp" : "=r" (psp));
        process->psp = psp;
    }
    context_switch_request();
    if (notify_line != 0) {
        interrupt_trigger(notify_line);
    } else {
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

void kernel_panic(const char *format, ...) {
    __asm volatile ("cpsid i");
    kernel_log_panic();
    kernel_printf("\npanicked: ");
    va_list arguments;
    va_start(arguments, format);
    mp_vprintf(&kernel_print, format, arguments);
    va_end(arguments);
    kernel_printf("\n\tAdder %s on %s\n", ADDER_VERSION, BOARD_TITLE);
    if (current_process != NULL) {
        kernel_printf("\tcurrent process: ");
        kernel_log_app(&current_process->tbf);
        kernel_printf("\n");
    }
    for (;;) {
        __asm volatile ("wfi");
    }
}

// Entered from fault_entry for faults in handler mode: the kernel did it, and can't be trusted to
// go on.
void fault_of_kernel(const exception_frame_t *frame, const uint32_t r4_to_r11[8]) {
    kernel_log_panic();
    kernel_printf("\nkernel fault: CFSR 0x%08x HFSR 0x%08x MMFAR 0x%08x BFAR 0x%08x\n",
        (unsigned)SCB_CFSR, (unsigned)SCB_HFSR, (unsigned)SCB_MMFAR, (unsigned)SCB_BFAR);
    kernel_printf(" R0 0x%08x  R1 0x%08x  R2 0x%08x  R3 0x%08x\n", (unsigned)frame->r0, (unsigned)frame->r1, (unsigned)frame->r2, (unsigned)frame->r3);
    for (unsigned i = 0; i < 8; i++) {
        kernel_printf("%sR%u 0x%08x%s", i == 4 ? "\n " : " ", i + 4, (unsigned)r4_to_r11[i], i == 7 ? "\n" : " ");
    }
    kernel_printf(" PC 0x%08x  LR 0x%08x  PSR 0x%08x  SP %p\n", (unsigned)frame->pc, (unsigned)frame->lr, (unsigned)frame->psr, frame);
    kernel_panic("fault in the kernel");
}
