// A Python process: the shared interpreter at work for one unprivileged program.
//
// Nothing in this folder is trusted. It runs with the rights of the process, in the process's memory,
// and reaches the kernel by system calls only.
//
// Memory, from the lowest address: C stack, interpreter state, python_process_t, stack of bytecode
// frames, heap. Above the break: grants, which are the kernel's.

#ifndef ADDER_PYTHON_PROCESS_H
#define ADDER_PYTHON_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "py/mpstate.h"
#include "py/obj.h"

// What the program's flash begins with, behind the TBF header. A ROM file system follows.
typedef struct {
    uint32_t ram;     // bytes of RAM, from its start, that the program uses
    uint32_t pystack; // of these, bytes for the frames of bytecode functions
    uint32_t files;   // bytes of the ROM file system
    uint32_t flags;   // PROGRAM_...
} python_program_t;

#define PROGRAM_EXECUTABLE_RAM (1u << 0) // as the TBF's Python header says to the kernel

// Which upcall has come: subscriptions of our C code, or 0 and up for the list of Python handlers.
enum { UPCALL_NONE = -1, UPCALL_ALARM = -2, UPCALL_STDIN = -3 };

// State of the port's C code that MicroPython's own state does not hold. Objects are not kept here:
// the garbage collector does not look.
typedef struct _python_process_t {
    const python_program_t *program;
    const char *name; // the package's, not terminated
    uint32_t name_length;

    // The upcall that the last yield has run
    int32_t upcall;
    uint32_t upcall_args[3];

    // Time
    uint32_t frequency; // of the alarm, in Hz; 0: not asked yet
    uint32_t last_ticks, wraps;
    bool alarm_subscribed;

    // Console
    uint8_t out_length;
    uint8_t in; // the byte that was read
    bool in_full, in_reading;
    int16_t interrupt_char; // it raises KeyboardInterrupt when it comes during a wait; -1: none does
    char out[80];

    // What upstream keeps in static variables
    uint32_t random_pad, random_n, random_d;
    uint8_t random_dat;
    uint8_t pyexec_mode_kind;
    bool soft_reset; // the interpreter is to start afresh
    uint32_t readline[10];
} python_process_t;

// The running process's; NULL while the kernel's Python runs.
static inline python_process_t *python_process(void) {
    return MP_STATE_PORT(python_process);
}

// Let upcalls in: run at most one, or, if `wait`, exactly one. True if one ran.
bool python_process_yield(bool wait);

// The function that is subscribed for every upcall; `which` is its application data.
void python_process_upcall(uint32_t a, uint32_t b, uint32_t c, uint32_t which);

// Call a Python handler for an upcall.
void python_process_call_handler(unsigned which, const uint32_t args[3]);

// The kernel forgets all handlers and buffers.
void python_process_revoke(void);

// Send what has been printed.
void python_process_flush(void);

#endif
