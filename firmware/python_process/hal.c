// What MicroPython asks of the machine, answered with system calls: console, time, waiting.

#include <string.h>

#include "py/gc.h"
#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "python_process/python_process.h"
#include "python_process/syscalls.h"

enum { DRIVER_ALARM = 0, DRIVER_CONSOLE = 1 };
enum { ALARM_FREQUENCY = 1, ALARM_NOW = 2, ALARM_RELATIVE = 5, ALARM_WITHOUT_END = 32 };
enum { CONSOLE_WRITE = 1, CONSOLE_READ = 2, CONSOLE_ABORT = 3 }; // the numbers of the command and of its upcall
enum { CONSOLE_READ_SOME = 62, CONSOLE_CLAIM = 64 };
enum { CONSOLE_WRITE_BUFFER = 1, CONSOLE_READ_BUFFER = 1 };

#define SUCCESS (128)
#define SUCCESS_U32 (129)
#define READ_RETRY_MS (50)
#define HALF_TURN (0x7fffffff) // of the alarm's counter: who looks as often misses no turn
#define SHORTEST_WAIT_US (1000) // what is shorter is spent looking
#define EVENTS_AT_ONCE (16)

static uint32_t frequency(void);

// Where the console's driver writes a block. In the state, where a look at its first byte is short.
MP_REGISTER_ROOT_POINTER(volatile uint8_t typed[TYPED_BLOCK]);

// -- Upcalls ------------------------------------------------------------------

void python_process_upcall(uint32_t a, uint32_t b, uint32_t c, uint32_t which) {
    python_process_t *process = python_process();
    process->upcall = which;
    process->upcall_args[0] = a;
    process->upcall_args[1] = b;
    process->upcall_args[2] = c;
}

// True if that interrupts.
static bool put_in(python_process_t *process, uint8_t byte, bool may_interrupt) {
    if (may_interrupt && byte == process->interrupt_char) {
        process->in_length = 0; // as a terminal does: what was typed before it is dropped
        mp_sched_keyboard_interrupt();
        return true;
    }
    if (process->in_length < sizeof(process->in)) {
        process->in_new = true;
        process->in[(process->in_first + process->in_length++) % sizeof(process->in)] = byte;
    }
    return false;
}

// A block has come.
static void take_block(python_process_t *process, uint32_t count) {
    uint8_t block[TYPED_BLOCK];
    memcpy(block, (const void *)MP_STATE_PORT(typed), TYPED_BLOCK);
    MP_STATE_PORT(typed)[0] = TYPED_NOTHING;
    process->in_asked = false;
    bool interrupted = false;
    for (unsigned i = 0; i < MIN(count, TYPED_BLOCK); i++) {
        // Whoever is interrupted may want what follows as it is.
        interrupted |= put_in(process, block[i], !interrupted);
    }
}

// Ask for what has been typed, or will be. False if that can't be had: there is no console.
static bool begin_read(python_process_t *process) {
    if (process->in_asked || (process->interrupt_char < 0 && process->in_length > sizeof(process->in) - TYPED_BLOCK)) {
        return true; // enough is there to be read first, and nothing in what comes would be an interrupt
    }
    MP_STATE_PORT(typed)[0] = TYPED_NOTHING;
    SYSCALL(SVC_SUBSCRIBE, DRIVER_CONSOLE, CONSOLE_READ, python_process_upcall, UPCALL_STDIN);
    SYSCALL(SVC_ALLOW_READ_WRITE, DRIVER_CONSOLE, CONSOLE_READ_BUFFER, (uint8_t *)MP_STATE_PORT(typed), TYPED_BLOCK);
    process->in_asked = syscall_command(DRIVER_CONSOLE, CONSOLE_READ_SOME, TYPED_BLOCK, 0).r0 == SUCCESS;
    process->in_busy = !process->in_asked;
    return process->in_asked;
}

bool python_process_typed(void) {
    python_process_t *process = python_process();
    if (process == NULL || MP_STATE_PORT(typed)[0] == TYPED_NOTHING) {
        return false;
    }
    if (process->in_asked) {
        // The upcall waits, since its answer is never lost; nobody else's runs for this.
        take_block(process, SYSCALL(SVC_YIELD, YIELD_WAIT_FOR, DRIVER_CONSOLE, CONSOLE_READ, 0).r1);
    }
    MP_STATE_PORT(typed)[0] = TYPED_NOTHING;
    if (process->interrupt_char >= 0) {
        begin_read(process); // whatever it was, the next may be the interrupt
    }
    return true;
}

void python_process_forget_input(void) {
    python_process_t *process = python_process();
    MP_STATE_PORT(typed)[0] = TYPED_NOTHING;
    process->in_asked = false;
    syscall_command(DRIVER_CONSOLE, CONSOLE_ABORT, 0, 0); // the next subscribing drops its upcall
}

void python_process_claim(uint32_t how, uint32_t seconds) {
    python_process_t *process = python_process();
    if (process->prompt && (how != process->claimed || how != CLAIM_FOREGROUND)) {
        python_process_flush();
        syscall_command(DRIVER_CONSOLE, CONSOLE_CLAIM, how, seconds);
        process->claimed = how;
    }
}

int32_t python_process_yield(bool wait) {
    python_process_t *process = python_process();
    python_process_flush();
    process->upcall = UPCALL_NONE;
    SYSCALL(SVC_YIELD, wait ? YIELD_WAIT : YIELD_NO_WAIT, 0, 0, 0);
    int32_t upcall = process->upcall;
    process->upcall = UPCALL_NONE;
    if (upcall == UPCALL_STDIN) {
        take_block(process, process->upcall_args[1]);
        python_process_typed();
    } else if (upcall == UPCALL_ALARM) {
        process->alarm_set = false;
        python_process_ticks();
    } else if (upcall >= 0) {
        for (python_process_wait_t *wait = process->waits; wait != NULL; wait = wait->outer) {
            if (wait->row == upcall && !wait->came) {
                wait->came = true;
                memcpy(wait->args, process->upcall_args, sizeof(wait->args));
                return upcall;
            }
        }
        uint32_t args[3];
        memcpy(args, process->upcall_args, sizeof(args));
        if (!python_process_call_handler(upcall, args)) {
            upcall = UPCALL_STDIN; // nobody's: as if it were ours
        }
    }
    return upcall;
}

void python_process_events(void) {
    for (unsigned i = 0; i < EVENTS_AT_ONCE && python_process_yield(false) != UPCALL_NONE; i++) {
    }
    python_process_typed();
    if (python_process()->interrupt_char >= 0) {
        begin_read(python_process());
    }
    mp_handle_pending(true);
}

// -- Console ------------------------------------------------------------------

void python_process_flush(void) {
    python_process_t *process = python_process();
    uint32_t length = process->out_length;
    if (length == 0) {
        return;
    }
    process->out_length = 0;
    // Without a console there is nobody to tell.
    if (SYSCALL(SVC_ALLOW_READ_ONLY, DRIVER_CONSOLE, CONSOLE_WRITE_BUFFER, process->out, length).r0 >= SUCCESS
        && syscall_command(DRIVER_CONSOLE, CONSOLE_WRITE, length, 0).r0 == SUCCESS) {
        SYSCALL(SVC_YIELD, YIELD_WAIT_FOR, DRIVER_CONSOLE, CONSOLE_WRITE, 0);
    }
}

void python_process_print(const char *text, size_t length) {
    python_process_t *process = python_process();
    while (length != 0) {
        size_t part = MIN(length, sizeof(process->out) - process->out_length);
        memcpy(process->out + process->out_length, text, part);
        process->out_length += part;
        if (process->out_length == sizeof(process->out) || memchr(text, '\n', part) != NULL) {
            python_process_flush();
        }
        text += part;
        length -= part;
    }
}

void python_process_interrupt_char(int c) {
    python_process()->interrupt_char = c;
    if (c >= 0) {
        begin_read(python_process());
    }
}

// micropython.kbd_intr(): without an interrupt, what comes may be any bytes, and nobody may write between them.
void mp_hal_set_interrupt_char(int c) {
    python_process_interrupt_char(c);
    python_process_claim(c >= 0 ? python_process_mode() : CLAIM_BINARY, CLAIM_SECONDS_BUSY);
}

// True if a byte has come that a reader shall have.
static bool input_there(python_process_t *process) {
    python_process_typed();
    if (process->in_after_return && process->in_length != 0) {
        process->in_after_return = false;
        if (process->in[process->in_first] == '\n') {
            process->in_first = (process->in_first + 1) % sizeof(process->in);
            process->in_length--;
        }
    }
    return process->in_length != 0;
}

int python_process_rx(void) {
    python_process_t *process = python_process();
    while (!input_there(process)) {
        if (!begin_read(process)) {
            frequency(); // without a clock we could not try again: raises
        }
        if (process->in_length == 0) {
            python_process_wait(-1); // shorter if the console is busy
        }
        mp_handle_pending(true);
    }
    uint8_t byte = process->in[process->in_first];
    process->in_first = (process->in_first + 1) % sizeof(process->in);
    process->in_length--;
    return byte;
}

unsigned python_process_take(char bytes[4], unsigned how) {
    python_process_t *process = python_process();
    if (!input_there(process)) {
        return 0;
    }
    unsigned length = 1;
    uint8_t first = process->in[process->in_first];
    if ((how & TYPED_CHARACTERS) && first >= 0x80) {
        length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
        for (unsigned i = 1; i < length; i++) {
            if (i >= process->in_length) {
                begin_read(process); // a poll finds the part of it, and asks for no more
                return 0;
            }
            if ((process->in[(process->in_first + i) % sizeof(process->in)] & 0xc0) != 0x80) {
                length = 0;
            }
        }
        if (length == 0) {
            python_process_rx();
            memcpy(bytes, "\xef\xbf\xbd", 3);
            return 3;
        }
    }
    for (unsigned i = 0; i < length; i++) {
        bytes[i] = python_process_rx();
    }
    if ((how & TYPED_LINE_ENDS) && (first == '\r' || first == '\n')) {
        process->in_after_return = first == '\r';
        bytes[0] = '\n';
    }
    return length;
}

int mp_hal_stdin_rx_chr(void) {
    return python_process_rx();
}

int python_process_rx_line(void) {
    int byte = mp_hal_stdin_rx_chr();
    python_process()->in_after_return = byte == '\r';
    return byte == '\n' ? '\r' : byte;
}

uintptr_t mp_hal_stdio_poll(uintptr_t flags) {
    python_process_t *process = python_process();
    bool readable = false;
    if (flags & MP_STREAM_POLL_RD) {
        process->in_new = false;
        readable = input_there(process) || (begin_read(process) && input_there(process));
        if (!readable && !process->in_busy) { // or it would try again too soon
            begin_read(process); // what came may have been the rest of a line end
        }
    }
    return flags & (MP_STREAM_POLL_WR | (readable ? MP_STREAM_POLL_RD : 0));
}

// -- Time ---------------------------------------------------------------------

static bool has_clock(python_process_t *process) {
    if (process->frequency == 0) {
        registers_t answer = syscall_command(DRIVER_ALARM, ALARM_FREQUENCY, 0, 0);
        process->frequency = answer.r0 == SUCCESS_U32 ? answer.r1 : 0;
    }
    return process->frequency != 0;
}

static uint32_t frequency(void) {
    if (!has_clock(python_process())) {
        python_process_refused(DRIVER_ALARM, ALARM_FREQUENCY);
    }
    return python_process()->frequency;
}

// The alarm's 32-bit counter, extended by the kernel, which sees each turn of it. Who may not ask that extends it from look to look.
// If neither answers, since the driver was cut short, it is as late as at the last look.
uint64_t python_process_ticks(void) {
    python_process_t *process = python_process();
    registers_t answer = syscall_command(DRIVER_ALARM, ALARM_WITHOUT_END, 0, 0);
    if (answer.r0 == SYSCALL_SUCCESS_U32_U32) {
        process->wraps = answer.r2;
        process->last_ticks = answer.r1 << 8;
    } else {
        answer = syscall_command(DRIVER_ALARM, ALARM_NOW, 0, 0);
        if (answer.r0 == SYSCALL_SUCCESS_U32) {
            process->wraps += answer.r1 < process->last_ticks;
            process->last_ticks = answer.r1;
        }
    }
    return (uint64_t)process->wraps << 32 | process->last_ticks;
}

static uint64_t in_units(uint64_t ticks, uint32_t units_per_second, uint32_t hz) {
    uint64_t seconds = ticks / hz;
    uint32_t rest = ticks - seconds * hz;
    return seconds * units_per_second + (uint64_t)rest * units_per_second / hz;
}

// How many ticks so many units are at least.
static uint64_t to_ticks(uint32_t units, uint32_t units_per_second) {
    return ((uint64_t)units * frequency() + units_per_second - 1) / units_per_second;
}

static uint64_t time_in(uint32_t units_per_second) {
    uint32_t hz = frequency();
    return in_units(python_process_ticks(), units_per_second, hz);
}

mp_uint_t mp_hal_ticks_ms(void) {
    return time_in(1000);
}

uint32_t python_process_ms(uint64_t *ticks) {
    uint32_t hz = frequency();
    *ticks = python_process_ticks();
    return in_units(*ticks, 1000, hz);
}

uint32_t python_process_ms_up(void) {
    uint32_t hz = frequency();
    return in_units(python_process_ticks() + hz / 1000 + 1, 1000, hz);
}

uint64_t python_process_ticks_of_ms(uint64_t ticks, uint32_t later) {
    uint32_t hz = frequency();
    uint64_t ms = in_units(ticks, 1000, hz) + later;
    return ms / 1000 * hz + (ms % 1000 * hz + 999) / 1000;
}

mp_uint_t mp_hal_ticks_us(void) {
    return time_in(1000000);
}

uint64_t mp_hal_time_ns(void) {
    return time_in(1000000) * 1000 + python_process()->epoch * 1000000000ull;
}

// -- Waiting ------------------------------------------------------------------

// Set the alarm, unless one that comes earlier is set: who waits for longer sets it again then.
static void set_alarm(python_process_t *process, uint64_t at) {
    if (process->alarm_set && process->alarm_at <= at) {
        return;
    }
    if (process->alarm_user != ALARM_OURS) {
        SYSCALL(SVC_SUBSCRIBE, DRIVER_ALARM, 0, python_process_upcall, UPCALL_ALARM);
        process->alarm_user = ALARM_OURS;
    }
    uint64_t now = python_process_ticks();
    uint64_t left = at > now ? at - now : 0;
    process->alarm_set = syscall_command(DRIVER_ALARM, ALARM_RELATIVE, MIN(left, HALF_TURN), 0).r0 == SUCCESS_U32;
    process->alarm_at = now + MIN(left, HALF_TURN);
}

// Whether mp_handle_pending() has something to do.
static bool is_pending(void) {
    return MP_STATE_MAIN_THREAD(mp_pending_exception) != MP_OBJ_NULL || MP_STATE_VM(sched_state) == MP_SCHED_PENDING;
}

int32_t python_process_wait_until(uint64_t ticks) {
    python_process_t *process = python_process();
    if (process->interrupt_char >= 0 && !process->in_busy) {
        begin_read(process);
    }
    if (has_clock(process)) {
        if (process->in_busy) {
            process->in_busy = false;
            uint64_t retry = python_process_ticks() + to_ticks(READ_RETRY_MS, 1000);
            ticks = MIN(ticks, retry);
        }
        if (ticks != UINT64_MAX) {
            set_alarm(process, ticks);
        }
    }
    // Whoever called may have looked at what was typed already: what has come since is not to be slept over.
    bool typed = python_process_typed();
    int32_t upcall = python_process_yield(!typed && !is_pending());
    python_process_typed();
    return upcall;
}

uint64_t python_process_ticks_in(uint32_t milliseconds) {
    return to_ticks(milliseconds, 1000) + python_process_ticks();
}

uint64_t python_process_ticks_within(uint32_t milliseconds) {
    python_process_t *process = python_process();
    // It is not earlier now than when we looked last.
    uint64_t least = ((uint64_t)process->wraps << 32 | process->last_ticks) + to_ticks(milliseconds, 1000);
    bool early = process->alarm_set && process->alarm_user == ALARM_OURS && process->alarm_at <= least;
    return early ? process->alarm_at : python_process_ticks_in(milliseconds);
}

void python_process_wait(int32_t milliseconds) {
    if (python_process() != NULL) {
        python_process_wait_until(milliseconds < 0 ? UINT64_MAX : python_process_ticks_in(milliseconds));
    }
}

static void delay_until(uint64_t end) {
    while (python_process_ticks() < end) {
        python_process_wait_until(end);
        mp_handle_pending(true);
    }
}

void mp_hal_delay_ms(mp_uint_t milliseconds) {
    uint64_t length = to_ticks(milliseconds, 1000); // raises, without a clock
    uint64_t end = python_process_ticks() + length;
    python_process_events();
    delay_until(end);
}

void mp_hal_delay_us(mp_uint_t microseconds) {
    uint64_t length = to_ticks(microseconds, 1000000);
    uint64_t end = python_process_ticks() + length, spin = to_ticks(SHORTEST_WAIT_US, 1000000);
    python_process_events();
    if (length > 2 * spin) {
        delay_until(end - spin);
    }
    while (python_process_ticks() < end) {
        python_process_events();
    }
}
