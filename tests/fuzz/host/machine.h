// A Cortex-M4 as far as the kernel's C mentions one, for a 32-bit x86. Included before everything else.

#pragma once

// Its instructions, for the assembler: those that stop or mask interrupts do nothing here, since nothing interrupts;
// the process's stack pointer is a variable.
__asm(
    ".ifndef host_machine\n"
    ".set host_machine, 1\n"
    ".macro cpsid flags\n.endm\n"
    ".macro cpsie flags\n.endm\n"
    ".macro dsb\n.endm\n"
    ".macro isb\n.endm\n"
    ".macro wfi\n.endm\n"
    ".macro msr special, value\n.endm\n"
    ".macro mrs to, special\nmovl host_psp, \\to\n.endm\n"
    ".endif\n");
