// An app for the tiny kernel: does three operations of known length, for ever.
    .syntax unified
    .cpu cortex-m4
    .thumb
    .text
    .word main - 0x80000000

    .macro mark name
    .global \name
    .type \name, %function
\name:
    bx lr
    .size \name, . - \name
    .endm

    mark bench_begin_five
    mark bench_end_five
    mark bench_begin_svc
    mark bench_end_svc
    mark bench_begin_device
    mark bench_end_device
    mark bench_alarm_upcall

    .global main
    .type main, %function
main:
    bl bench_begin_five
    nop                     // with the call of the end mark: five instructions
    nop
    nop
    nop
    bl bench_end_five
    bl bench_begin_svc
    svc #0                  // svc, two of the handler, and the call: four
    bl bench_end_svc
    movw r0, #0x4004        // the UART's state register
    movt r0, #0x4000
    bl bench_begin_device
    ldr r1, [r0]            // QEMU may log an access to a device twice
    ldr r1, [r0]
    bl bench_end_device     // three
    bl bench_alarm_upcall
    b main
    .size main, . - main
