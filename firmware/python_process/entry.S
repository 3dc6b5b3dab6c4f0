// Where the kernel enters a Python process, in place of an entry point of the program's own.
//
// r0: start of the program's flash behind the header (a python_program_t), r1: start of its RAM.
// r9: where the interpreter's state is to be. The stack is 32 bytes at the bottom of the RAM, where the
// kernel has put the first frame.

    .syntax unified
    .cpu cortex-m4
    .thumb

    .section .text.python_process_entry, "ax"
    .global python_process_entry
    .thumb_func
    .type python_process_entry, %function
python_process_entry:
    mov     r4, r0
    mov     r5, r1
    ldr     r1, [r4]                    // how much RAM the program uses
    adds    r1, r5
    movs    r0, #0                      // memop 0: brk
    svc     #5
    cmp     r0, #128
    bne     1f
    mov     sp, r9                      // the stack ends where the interpreter's state begins
    mov     r0, r4
    mov     r1, r5
    bl      python_process_main
1:  svc     #0xff                       // no system call: a fault
