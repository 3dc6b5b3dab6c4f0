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

// At boot: let the lines through that drivers have enabled while the kernel was wired.
void interrupt_unmask_all(void);

// The line's handler is about to run, for the capsule that has enabled the line. MP_OBJ_NULL: there is none.
mp_obj_t interrupt_begin(unsigned line, unsigned *capsule);

// It has run. False if it has failed too often in a row: the line is off.
bool interrupt_end(unsigned line, bool good);

// Call handler() after each interrupt, for the capsule that runs now; no more.
void interrupt_enable(unsigned line, mp_obj_t handler);
void interrupt_disable(unsigned line);

// A software line. `handler` may be MP_OBJ_NULL: none yet.
unsigned interrupt_reserve(mp_obj_t handler);

// The lines that this capsule has enabled call it no more.
void interrupt_disable_all_of(unsigned capsule);

#endif
