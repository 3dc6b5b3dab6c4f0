// The crash screen: a report that fits a terminal of 80 x 24, then the same as a QR code, for whoever
// has a phone and no copy of what the terminal shows. It polls, and allocates nothing.

#ifndef ADDER_KERNEL_CRASH_SCREEN_H
#define ADDER_KERNEL_CRASH_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

// From now on what is printed is the report, and goes into the QR code. It begins with the reason, which
// the caller prints; crash_screen_reason_ends() adds what the kernel is.
void crash_screen_begin(void);
void crash_screen_reason_ends(void);

// Print a byte; of the report, as far as there is room for it.
void crash_screen_put(uint8_t c);

// Whether the kernel's stack holds these bytes.
bool crash_screen_on_stack(const uint32_t *start, uint32_t bytes);

// Whether this word can be a return address: it points behind a call.
bool crash_screen_is_return_address(uint32_t word);

// Print the innermost callers. `stack` is the stack pointer; whatever it is, only the stack is read.
void crash_screen_callers(const uint32_t *stack);

// Draw the report as a QR code.
void crash_screen_code(void);

#endif
