// System calls with any class: the number is part of the instruction, so there is one
// piece of code for each of the 256.

    .syntax unified
    .cpu cortex-m4
    .thumb

    .text
    .global hostile_call
    .type hostile_call, %function
    .thumb_func
// void hostile_call(const uint32_t in[4], uint32_t out[4], uint32_t class)
hostile_call:
    push {r1, r4-r11, lr}
    adr r4, table
    add r4, r4, r2, lsl #2
    orr r4, #1
    adr r5, back                    // not lr, which an upcall that runs in a yield changes
    orr r5, #1
    ldmia r0, {r0-r3}
    bx r4
    .balign 4
back:
    ldr r12, [sp]
    stmia r12, {r0-r3}
    pop {r1, r4-r11, pc}
    .balign 4
table:
    .set class, 0
    .rept 256
    svc #class
    bx r5
    .set class, class + 1
    .endr
    .size hostile_call, . - hostile_call
