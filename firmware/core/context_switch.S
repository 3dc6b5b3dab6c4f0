// The context switch. All of the kernel runs in handler mode at one priority, the lowest; processes
// are what runs in thread mode. So the kernel is never interrupted by itself, and a system call that
// does not switch costs no more than a function call. Whoever wants another process to run sets
// PendSV pending, which the hardware enters before the process can execute another instruction.
//
// The registers of `current_process` are in the CPU from the exception's entry to here: C preserves
// r4 to r11 and s16 to s31, the hardware has stacked the rest on the process's own stack. r4 to r11
// are saved in the kernel's record of the process, never on its stack, since privileged stores are not
// checked by the MPU.

#include "core/context_offsets.h"

    .syntax unified
    .cpu cortex-m4
    .fpu fpv4-sp-d16
    .thumb

    .equ MPU_RBAR, 0xe000ed9c
    .equ SCB_CPACR, 0xe000ed88
    .equ SCB_ICSR, 0xe000ed04
    .equ ICSR_PENDSVSET, 1 << 28
    .equ CPACR_FPU_PRIVILEGED, 5 << 20
    .equ CPACR_FPU_ALL, 15 << 20

    .section .text.context_switch, "ax"
    .global SysTick_Handler, PendSV_Handler

// SysTick alone is above the kernel, to interrupt a capsule that takes too long. A spent time slice asks
// for a switch; if the kernel is at work for the process, that follows when it is done.
    .thumb_func
    .type SysTick_Handler, %function
SysTick_Handler:
    ldr     r0, =timeslice_expired
    movs    r1, #1
    str     r1, [r0]
    ldr     r0, =SCB_ICSR
    ldr     r1, =ICSR_PENDSVSET
    str     r1, [r0]
    mov     r0, sp
    tst     lr, #4                      // B1.5.8: which stack was in use
    beq     contain_tick                // the kernel's: returns to what it interrupted
    b       tick_normal

    .thumb_func
    .type PendSV_Handler, %function
PendSV_Handler:
    ldr     r2, =current_process
    ldr     r2, [r2]
    mrs     r0, psp
    cbz     r2, 1f
    str     r0, [r2, #PROCESS_PSP]      // deferred work may deliver an upcall into that frame
1:  push    {r9, lr}
    ldr     r9, =kernel_python_state    // the kernel's Python may run
    bl      kernel_work                 // returns the process to run
    pop     {r9, lr}
    ldr     r3, =current_process
    ldr     r2, [r3]
    cmp     r0, r2
    beq     4f
    str     r0, [r3]
    cbz     r2, 2f                      // its context is void: it ended or starts afresh
    stmia   r2, {r4-r11}
    str     lr, [r2, #PROCESS_EXC_RETURN]
    tst     lr, #0x10                   // ARMv7-M, B1.5.8: 0 means a frame with FP registers
    itt     eq
    addeq   r1, r2, #PROCESS_FP
    vstmiaeq r1, {s16-s31}

    // The FPU is on only for a process whose frame holds FP registers: another one would read what
    // the last left in them. Its first FP instruction faults, and it gets them zeroed (fault.c).
2:  ldr     r1, =SCB_CPACR
    ldr     lr, [r0, #PROCESS_EXC_RETURN]
    tst     lr, #0x10
    ite     ne
    movne   r2, #CPACR_FPU_PRIVILEGED
    moveq   r2, #CPACR_FPU_ALL
    str     r2, [r1]
    bne     3f
    dsb
    isb
    add     r1, r0, #PROCESS_FP
    vldmia  r1, {s16-s31}
3:  ldr     r1, =MPU_RBAR               // four regions at once through the aliases, B3.5.10
    add     r2, r0, #PROCESS_MPU
    ldmia   r2!, {r4-r11}
    stmia   r1, {r4-r11}
    ldmia   r2, {r4-r11}
    stmia   r1, {r4-r11}
    ldr     r1, [r0, #PROCESS_PSP]
    msr     psp, r1
    movs    r1, #1                      // CONTROL.nPRIV: thread mode is unprivileged
    msr     control, r1
    ldmia   r0, {r4-r11}
    dsb
    isb
4:  bx      lr
