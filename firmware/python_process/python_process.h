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
#include "py/objstr.h"

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

// Whose alarm the kernel's is: a program may use the driver as it is.
enum { ALARM_NOBODYS, ALARM_OURS, ALARM_PROGRAMS };

// The console's driver writes a block for us, in whose first byte is TYPED_NOTHING before. The interpreter looks at that at each
// jump back (MICROPY_VM_HOOK_LOOP), so that Ctrl-C is seen by a program that never waits.

// State of the port's C code that MicroPython's own state does not hold. Objects are not kept here:
// the garbage collector does not look.
// What asyncio.sleep_ms() gives (upstream_modasyncio.c).
typedef struct {
    mp_obj_base_t base;
    mp_obj_t until;
} sleep_object_t;

// A yield-wait-for in Python: the row that it waits for, and what came. One in a handler is inside of another.
typedef struct _python_process_wait_t {
    struct _python_process_wait_t *outer;
    int32_t row;
    bool came;
    uint32_t args[3];
} python_process_wait_t;

typedef struct _python_process_t {
    const python_program_t *program;
    const char *name; // the package's, not terminated
    size_t name_length;

    // The upcall that the last yield has run
    int32_t upcall;
    uint32_t upcall_args[3];

    python_process_wait_t *waits; // the innermost

    // Time
    uint32_t frequency; // of the alarm, in Hz; 0: not asked yet
    uint32_t last_ticks, wraps;
    uint64_t alarm_at; // when the alarm that is set goes off, in ticks
    uint32_t loop_ms;  // what the loop of asyncio saw last
    uint32_t epoch;    // seconds since 1970 when the board started, as somebody has said: 0
    bool alarm_set;
    uint8_t alarm_user; // ALARM_...

    // Console
    uint8_t out_length;
    uint16_t in_first, in_length; // bytes that have come, in a ring
    bool in_asked;               // the driver has been asked for more
    bool in_busy;                // somebody wants input, and the driver refuses
    bool in_new;                 // a byte has come since a poll looked
    bool asks_again;             // the last poll was of a stream that wakes nobody
    bool in_after_return;        // a line has ended with CR: a LF that follows belongs to it
    int16_t interrupt_char;      // it raises KeyboardInterrupt when it comes; -1: none does
    bool prompt;                 // this is the prompt, and in the foreground
    uint8_t claimed;             // as what, CLAIM_...
    uint8_t in[288];             // what mpremote sends without waiting, and a block
    char out[80];

    // The text of a MemoryError, for which there is no memory
    sleep_object_t sleep_spare;
    mp_obj_str_t memory_text;
    char memory_buffer[64];

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

// Let upcalls in: run one handler if one waits; if `wait`, sleep until one of the program's has run, or one of ours.
// UPCALL_NONE: there was none; below 0: it was ours.
int32_t python_process_yield(bool wait);

// Run all upcalls that wait, and see Ctrl-C. Every way to wait comes by here, however short.
void python_process_events(void);

// Sleep until an upcall has run, or so many milliseconds have passed; -1: for ever.
void python_process_wait(int32_t milliseconds);

// The same with a time of the alarm's clock, as `python_process_ticks` tells it.
int32_t python_process_wait_until(uint64_t ticks);
uint64_t python_process_ticks(void);
uint64_t python_process_ticks_in(uint32_t milliseconds);

// The same or earlier: when an alarm goes off that is set already, if that is early enough. So the clock need not be looked at.
uint64_t python_process_ticks_within(uint32_t milliseconds);

// Milliseconds since the board started, with the ticks that they were made of, and rounded up; and when so many
// milliseconds more begin than at a time in ticks.
uint32_t python_process_ms(uint64_t *ticks);
uint32_t python_process_ms_up(void);
uint64_t python_process_ticks_of_ms(uint64_t ticks, uint32_t later);

// The function that is subscribed for every upcall; `which` is its application data.
void python_process_upcall(uint32_t a, uint32_t b, uint32_t c, uint32_t which);

// Call a Python handler for an upcall. False if the row has none.
bool python_process_call_handler(unsigned which, const uint32_t args[3]);

// The kernel forgets all handlers and buffers.
void python_process_revoke(void);

// Send what has been printed.
void python_process_flush(void);

// The next byte.
int python_process_rx(void);

// Take the first byte, or character, if it has come; returns its bytes, 0 if it has not, or only a part. A byte that belongs to no
// character is U+FFFD.
enum { TYPED_LINE_ENDS = 1, TYPED_CHARACTERS = 2, TYPED_A_LINE = 4 }; // all that end a line are "\n"
unsigned python_process_take(char bytes[4], unsigned how);

// How long a poll sleeps at most where a stream wakes nobody, as MicroPython's own does.
#define ASK_AGAIN_MS (1)

// What was asked of the console is wanted no more.
void python_process_forget_input(void);

// What the prompt says to the console of whose the line is (capsules/core/console.py), and for how many seconds of silence.
enum { CLAIM_FOREGROUND = 1, CLAIM_ALONE = 2, CLAIM_BINARY = 3 };
enum { CLAIM_SECONDS_PROMPT = 10, CLAIM_SECONDS_BUSY = 120 };
void python_process_claim(uint32_t how, uint32_t seconds);

// Which of them goes with the prompt that there is: friendly or raw.
uint32_t python_process_mode(void);

// The character that interrupts, or -1.
void python_process_interrupt_char(int c);

// The prompt begins to execute what was typed, with a character that interrupts; or has done so: -1.
void python_process_executes(int c);

// A character for a line of text, in which each line end is a CR.
int python_process_rx_line(void);

// A part of the header of our own binary, by its type; NULL if it has none.
enum { TLV_PACKAGE_NAME = 3, TLV_PERMISSIONS = 6 };
const void *python_process_header(unsigned type, size_t *length);

// Raise SyscallError: a command has been refused, because there is no such driver or the program may not use it.
__attribute__((noreturn)) void python_process_refused(uint32_t driver, uint32_t command);

// Raise SyscallError: a command has failed.
__attribute__((noreturn)) void python_process_failed(uint32_t code, uint32_t driver, uint32_t command);

// True while this program lends the driver a buffer (number 0) by `syscall`, as it does while it has a request under way.
bool python_process_lends(uint32_t driver);

// syscall.Blocks
extern const mp_obj_type_t python_process_blocks_type;

// Raise MemoryError.
__attribute__((noreturn)) void python_process_no_memory(size_t bytes);

// A byte has come: note it, or the interrupt that it is.
bool python_process_typed(void);

#endif
