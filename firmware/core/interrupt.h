// Interrupts: a top half in C that marks the line, a bottom half in Python that serves it.

#ifndef ADDER_CORE_INTERRUPT_H
#define ADDER_CORE_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

#include "py/obj.h"

// Lines 0 to 63 are the chip's; 64 to 95 are the kernel's own, raised by software.
#define INTERRUPT_WORDS (3)
#define INTERRUPT_FIRST_SOFTWARE (64)
#define INTERRUPT_LINES (96)

extern volatile uint32_t interrupt_pending[INTERRUPT_WORDS];
extern mp_obj_t interrupt_handlers[INTERRUPT_LINES];

static inline bool interrupt_any_pending(void) {
    return (interrupt_pending[0] | interrupt_pending[1] | interrupt_pending[2]) != 0;
}

static inline bool interrupt_any_pending_in_hardware(void) {
    return (interrupt_pending[0] | interrupt_pending[1]) != 0;
}

// Raise a software line.
void interrupt_trigger(unsigned line);

// Run the bottom half of each line that is pending now, once.
void interrupt_run_bottom_halves(void);

extern const mp_obj_type_t interrupt_line_type;
mp_obj_t interrupt_line_new(unsigned line); // for the board only
mp_obj_t interrupt_software_line_new(void);

// A software line for the kernel itself. `handler` may be MP_OBJ_NULL: none yet.
unsigned interrupt_reserve_software_line(mp_obj_t handler);

// The lines that this capsule has enabled (kernel/contain.h) call it no more.
void interrupt_disable_all_of(unsigned capsule);
unsigned interrupt_software_line(mp_obj_t line); // its number; raises if it is no software line

#endif
