// The kernel's own messages. They wait in a ring until a capsule has sent them to the console; a
// panic, when no capsule can be trusted to run, writes them out itself.

#ifndef ADDER_KERNEL_LOG_H
#define ADDER_KERNEL_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/program.h"
#include "py/mpprint.h"
#include "py/qstr.h"

extern const mp_print_t kernel_print;

// Print what the capsule of this name has written: its lines begin with that. The end of a line counts if it comes by itself.
// MP_QSTRnull: as the kernel.
void kernel_log_as(qstr capsule, const char *text, size_t length);

// printf into the log. Every message is whole lines. What is not printable ASCII shows as '?'.
void kernel_printf(const char *format, ...);

// Print what somebody else has written, within a line: an end of a line shows as '?', too. More of the message follows.
void kernel_log_words(const char *text, size_t length);

// Print "app NAME" in this way.
void kernel_log_app(const tbf_t *tbf);

// Whether there is room for a few lines more.
bool kernel_log_has_room(void);

// Move up to `length` bytes of the log to `destination`; returns how many.
uint32_t kernel_log_take(uint8_t *destination, uint32_t length);

// Have what waits taken; write it out here if no capsule does.
void kernel_log_wake(void);

// Raise this software line when there is something to take.
void kernel_log_notify(unsigned line);

// Where they wait. Once a panic has written them out, the crash screen works there.
extern uint8_t kernel_log_ring[];

// From now on hand each byte to `put`, after all that still waits has gone to the console.
void kernel_log_panic(void (*put)(uint8_t c));

// Supplied by the board: write one byte to the console and wait until it has gone.
void board_panic_putc(uint8_t c);

#endif
