// The first instructions of a C app.
//
// The kernel enters _start with
//     r0  where the binary begins (after the TBF header and its protected trailer)
//     r1  start of the process's RAM
//     r2  length of that RAM
//     r3  the app break
// and with a stack of one exception frame only. The binary begins with ten words
// (see app.ld) that say what goes where. Until r9 is set and the global offset
// table is filled in, nothing but registers and program-relative code may be used.

    .syntax unified
    .cpu cortex-m4
    .thumb

    .set GOT_FLASH, 0
    .set GOT_RAM, 4
    .set GOT_SIZE, 8
    .set DATA_FLASH, 12
    .set DATA_RAM, 16
    .set DATA_SIZE, 20
    .set BSS_RAM, 24
    .set BSS_SIZE, 28
    .set RELDATA_FLASH, 32
    .set STACK_BYTES, 36

    .set SVC_MEMOP, 5
    .set SVC_EXIT, 6
    .set BRK, 0
    .set DEBUG_STACK, 10
    .set DEBUG_HEAP, 11

    .section .start, "ax", %progbits
    .global _start
    .type _start, %function
    .thumb_func
_start:
    mov r4, r0                      // r4 = binary in flash, r5 = RAM, from here on
    mov r5, r1
    ldr r6, [r4, #STACK_BYTES]      // r6 = top of the stack, a multiple of 8
    add r6, r5
    adds r6, #7
    bic r6, #7
    ldr r7, [r4, #BSS_RAM]          // r7 = end of all static data: the break we want
    ldr r0, [r4, #BSS_SIZE]
    add r7, r0
    add r7, r5

    // The stack must lie in accessible memory on both sides of the call: if the break
    // comes down, leave the old stack before it does.
    cmp r7, r3
    it ls
    movls sp, r6
    movs r0, #BRK
    mov r1, r7
    svc #SVC_MEMOP
    cmp r0, #128
    bne no_memory
    mov sp, r6

    movs r0, #DEBUG_STACK
    mov r1, r6
    svc #SVC_MEMOP
    movs r0, #DEBUG_HEAP
    mov r1, r7
    svc #SVC_MEMOP

    // Global offset table: copy, and turn link-time addresses into real ones.
    ldr r6, [r4, #GOT_FLASH]
    add r6, r4
    ldr r7, [r4, #GOT_RAM]
    add r7, r5
    mov r9, r7
    ldr r8, [r4, #GOT_SIZE]
    add r8, r7
1:  cmp r7, r8
    bhs 2f
    ldr r0, [r6], #4
    bl relocate
    str r0, [r7], #4
    b 1b

2:  ldr r0, [r4, #DATA_RAM]         // initialised data
    add r0, r5
    ldr r1, [r4, #DATA_FLASH]
    add r1, r4
    ldr r2, [r4, #DATA_SIZE]
    bl memcpy

    ldr r0, [r4, #BSS_RAM]          // zeroed data
    add r0, r5
    movs r1, #0
    ldr r2, [r4, #BSS_SIZE]
    bl memset

#ifndef ADDER_FIXED_ADDRESS
    // Addresses inside initialised data: (offset, kind) pairs, after their length in bytes.
    ldr r6, [r4, #RELDATA_FLASH]
    add r6, r4
    ldr r8, [r6], #4
    add r8, r6
3:  cmp r6, r8
    bhs 4f
    ldr r7, [r6], #8
    add r7, r5
    ldr r0, [r7]
    bl relocate
    str r0, [r7]
    b 3b
4:
#endif
    bl main

    mov r1, r0                      // main's value is the completion code
    movs r0, #0
    svc #SVC_EXIT

no_memory:                          // the kernel gave less RAM than the header asks for
    movs r0, #0
    movs r1, #9                     // NOMEM
    svc #SVC_EXIT
    .size _start, . - _start

// r0 = a link-time address: bit 31 set = flash, from 0x80000000; clear = RAM, from 0.
// Returns the real one. An app with fixed addresses has real ones already.
    .type relocate, %function
    .thumb_func
relocate:
#ifndef ADDER_FIXED_ADDRESS
    cmp r0, #0
    itee ge
    addge r0, r5
    biclt r0, #0x80000000
    addlt r0, r4
#endif
    bx lr
    .size relocate, . - relocate

// `adder tbf --argument` writes here. An object of its own, so that no compiler can
// take it for a constant zero.
    .section .app_argument, "a", %progbits
    .global app_argument_text
    .type app_argument_text, %object
app_argument_text:
    .space 64
    .size app_argument_text, 64
