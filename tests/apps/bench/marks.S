// The marks that an instruction trace looks for: functions that do nothing, at addresses of
// their own. What is counted lies between the return of bench_begin_X and the entry of
// bench_end_X.

    .syntax unified
    .cpu cortex-m4
    .thumb

    .macro mark name
    .section .text.\name, "ax", %progbits
    .global \name
    .type \name, %function
    .thumb_func
\name:
    bx lr
    .size \name, . - \name
    .endm

    .irp op, null_command, led_toggle, alarm_get_time, yield_no_wait, allow_swap, subscribe_swap, memop, console_write_upcall, ipc_round_trip
    mark bench_begin_\op
    mark bench_end_\op
    .endr

    // The upcall of the alarm: its first instruction ends `interrupt_to_upcall`.
    mark bench_alarm_upcall
