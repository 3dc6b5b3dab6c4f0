// Exception entries: reset, system calls and faults.

    .syntax unified
    .cpu cortex-m4
    .thumb

    .equ CRASH_STACK, 1024

    .section .text.entry, "ax"
    .global Reset_Handler, SVC_Handler, fault_entry

// Not every start is a reset: whoever comes from a bootloader may be on the other stack, or find interrupts masked.
    .thumb_func
    .type Reset_Handler, %function
Reset_Handler:
    cpsid   i
    movs    r0, #0
    msr     control, r0                 // B1.4.4: privileged, on the main stack
    isb
    msr     basepri, r0
    msr     faultmask, r0
    ldr     r0, =_stack_top
    msr     msp, r0
    b       begin

// r0 to r3 are read from the frame and not from the registers: after a late-arriving interrupt the
// registers are no longer the process's. The C functions return straight to the process, since the
// link register holds EXC_RETURN.
    .thumb_func
    .type SVC_Handler, %function
SVC_Handler:
    mrs     r0, psp
    ldr     r1, [r0, #24]               // the stacked PC, which has just been executed
    ldrb    r1, [r1, #-2]               // the number in the SVC instruction
    ldr     r2, =system_call_table
    cmp     r1, #8
    it      hs
    movhs   r1, #8                      // the entry for numbers that are no system call
    ldr     pc, [r2, r1, lsl #2]

// MemManage, BusFault, UsageFault and HardFault.
    .thumb_func
    .type fault_entry, %function
fault_entry:
    tst     lr, #4                      // B1.5.8: which stack was in use
    beq     1f
    ldr     r0, =current_process
    ldr     r0, [r0]
    mov     r1, r0
    stmia   r1!, {r4-r11}
    mrs     r2, psp
    str     r2, [r1]
    str     lr, [r1, #4]
    b       fault_of_process
    // The kernel did it, maybe because its stack is full: the report needs CRASH_STACK bytes below the
    // frame. Without them it begins at the top and overwrites the oldest callers, never the frame.
1:  mov     r0, sp                      // the frame, if it could be stacked
    mov     r2, lr
    ldr     r1, =_stack_limit + CRASH_STACK
    ldr     r3, =_stack_top
    cmp     r0, r1
    it      hs
    cmphs   r3, r0
    it      lo                          // outside of [r1, r3]
    movlo   sp, r3
    push    {r4-r11}
    mov     r1, sp
    b       fault_of_kernel             // does not return
