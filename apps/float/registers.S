// Fills every floating-point register with values of its own, lets time pass, and counts
// the registers that changed meanwhile.

    .syntax unified
    .cpu cortex-m4
    .fpu fpv4-sp-d16
    .thumb

    .set FPSCR_PATTERN, 0x0040001f  // round towards plus infinity; five exception flags
    .set FPSCR_MASK, 0x03c0001f     // AHP, DN, FZ, RMode and IOC, DZC, OFC, UFC, IXC

    .text
    .global float_round
    .type float_round, %function
    .thumb_func
// uint32_t float_round(uint32_t seed, uint32_t loops, uint32_t *want)
//     r0  what the values are made of; bits 31:8 are used
//     r1  how long to spin, in loops of two instructions, before and after a system call
//     r2  32 words of scratch memory
float_round:
    push {r4-r7, lr}
    vpush {s16-s31}
    vmrs r7, fpscr
    push {r7}

    mov r4, r0
    mov r5, r1
    mov r6, r2

    bic r4, #0xff                   // want[i] = seed | i, moved into the exponents of
    movs r3, #0                     // ordinary numbers so that nothing is a NaN
1:  orr r0, r4, r3
    bic r0, #0xff000000
    orr r0, #0x40000000
    str r0, [r6, r3, lsl #2]
    adds r3, #1
    cmp r3, #32
    bne 1b
    vldmia r6, {s0-s31}
    ldr r3, =FPSCR_PATTERN
    vmsr fpscr, r3

    mov r3, r5                      // long enough to be preempted now and then
2:  subs r3, #1
    bne 2b
    movs r0, #2                     // memop 2: a system call in between, too
    movs r1, #0
    svc #5
    mov r3, r5
3:  subs r3, #1
    bne 3b

    vmrs r3, fpscr
    ldr r1, =FPSCR_MASK
    ands r3, r1
    ldr r1, =FPSCR_PATTERN
    cmp r3, r1
    ite eq
    moveq r0, #0
    movne r0, #1

    // Compare without touching a floating-point value: read each register as bits.
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    vmov r1, s\n
    ldr r3, [r6, #\n * 4]
    cmp r1, r3
    it ne
    addne r0, #1
    .endr

    pop {r7}
    vmsr fpscr, r7
    vpop {s16-s31}
    pop {r4-r7, pc}
    .size float_round, . - float_round
