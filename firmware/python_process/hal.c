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
enum { ALARM_FREQUENCY = 1, ALARM_NOW = 2, ALARM_RELATIVE = 5 };
enum { CONSOLE_WRITE = 1, CONSOLE_READ = 2 }; // the numbers of the command and of its upcall
enum { CONSOLE_WRITE_BUFFER = 1, CONSOLE_READ_BUFFER = 1 };

#define SUCCESS (128)
#define SUCCESS_U32 (129)
#define READ_RETRY_MS (50)
#define LONGEST_WAIT (0x7fffffff) // in ticks: no wrap of the counter goes unseen

// -- Upcalls ------------------------------------------------------------------

void python_process_upcall(uint32_t a, uint32_t b, uint32_t c, uint32_t which) {
    python_process_t *process = python_process();
    process->upcall = which;
    process->upcall_args[0] = a;
    process->upcall_args[1] = b;
    process->upcall_args[2] = c;
}

bool python_process_yield(bool wait) {
    python_process_t *process = python_process();
    python_process_flush();
    process->upcall = UPCALL_NONE;
    SYSCALL(SVC_YIELD, wait ? YIELD_WAIT : YIELD_NO_WAIT, 0, 0, 0);
    int32_t upcall = process->upcall;
    process->upcall = UPCALL_NONE;
    if (upcall == UPCALL_STDIN) {
        process->in_reading = false;
        process->in_full = process->upcall_args[1] != 0;
        if (process->in_full && process->in == process->interrupt_char) {
            process->in_full = false;
            mp_sched_keyboard_interrupt();
        }
    } else if (upcall >= 0) {
        uint32_t args[3];
        memcpy(args, process->upcall_args, sizeof(args));
        python_process_call_handler(upcall, args);
    }
    return upcall != UPCALL_NONE;
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
    for (size_t i = 0; i < length; i++) {
        process->out[process->out_length++] = text[i];
        if (text[i] == '\n' || process->out_length == sizeof(process->out)) {
            python_process_flush();
        }
    }
}

// Ask for one byte. False if it can't be had: no console, or another process is reading.
static bool begin_read(python_process_t *process) {
    if (process->in_reading || process->in_full) {
        return true;
    }
    SYSCALL(SVC_SUBSCRIBE, DRIVER_CONSOLE, CONSOLE_READ, python_process_upcall, UPCALL_STDIN);
    SYSCALL(SVC_ALLOW_READ_WRITE, DRIVER_CONSOLE, CONSOLE_READ_BUFFER, &process->in, 1);
    process->in_reading = syscall_command(DRIVER_CONSOLE, CONSOLE_READ, 1, 0).r0 == SUCCESS;
    return process->in_reading;
}

void mp_hal_set_interrupt_char(int c) {
    python_process()->interrupt_char = c;
}

int mp_hal_stdin_rx_chr(void) {
    python_process_t *process = python_process();
    while (!process->in_full) {
        if (begin_read(process)) {
            python_process_yield(true);
        } else {
            mp_hal_delay_ms(READ_RETRY_MS);
        }
        mp_handle_pending(true);
    }
    process->in_full = false;
    return process->in;
}

uintptr_t mp_hal_stdio_poll(uintptr_t flags) {
    python_process_t *process = python_process();
    begin_read(process);
    return flags & (MP_STREAM_POLL_WR | (process->in_full ? MP_STREAM_POLL_RD : 0));
}

// -- Time ---------------------------------------------------------------------

static uint32_t frequency(void) {
    python_process_t *process = python_process();
    if (process->frequency == 0) {
        registers_t answer = syscall_command(DRIVER_ALARM, ALARM_FREQUENCY, 0, 0);
        if (answer.r0 != SUCCESS_U32 || answer.r1 == 0) {
            mp_raise_OSError(MP_ENODEV);
        }
        process->frequency = answer.r1;
    }
    return process->frequency;
}

// The alarm's 32-bit counter, extended. No wrap is missed: while we wait, we look at least each
// half turn.
static uint64_t ticks(void) {
    python_process_t *process = python_process();
    uint32_t now = syscall_command(DRIVER_ALARM, ALARM_NOW, 0, 0).r1;
    if (now < process->last_ticks) {
        process->wraps++;
    }
    process->last_ticks = now;
    return (uint64_t)process->wraps << 32 | now;
}

static uint64_t time_in(uint32_t units_per_second) {
    uint32_t hz = frequency();
    uint64_t now = ticks();
    return now / hz * units_per_second + now % hz * units_per_second / hz;
}

mp_uint_t mp_hal_ticks_ms(void) {
    return time_in(1000);
}

mp_uint_t mp_hal_ticks_us(void) {
    return time_in(1000000);
}

uint64_t mp_hal_time_ns(void) {
    return time_in(1000000) * 1000;
}

// Until an upcall has run, or so many milliseconds have passed; -1: for ever.
void python_process_wait(int32_t milliseconds) {
    python_process_t *process = python_process();
    if (process == NULL) {
        return;
    }
    if (milliseconds >= 0 || process->frequency != 0) {
        uint64_t wanted = milliseconds < 0 ? LONGEST_WAIT : (uint64_t)milliseconds * frequency() / 1000 + 1;
        if (!process->alarm_subscribed) {
            process->alarm_subscribed = true;
            SYSCALL(SVC_SUBSCRIBE, DRIVER_ALARM, 0, python_process_upcall, UPCALL_ALARM);
        }
        syscall_command(DRIVER_ALARM, ALARM_RELATIVE, MIN(wanted, LONGEST_WAIT), 0);
        ticks();
    }
    if (process->interrupt_char >= 0) {
        begin_read(process);
    }
    python_process_yield(true);
}

void mp_hal_delay_ms(mp_uint_t milliseconds) {
    uint64_t end = time_in(1000) + milliseconds;
    for (;;) {
        uint64_t now = time_in(1000);
        if (now >= end) {
            return;
        }
        python_process_wait(MIN(end - now, 0x3fffffff));
        mp_handle_pending(true);
    }
}

void mp_hal_delay_us(mp_uint_t microseconds) {
    uint64_t end = time_in(1000000) + microseconds;
    if (microseconds > 2000) {
        mp_hal_delay_ms((microseconds - 1000) / 1000);
    }
    while (time_in(1000000) < end) {
        // shorter than a wait is worth
    }
}

uint32_t python_process_seed(void) {
    return (uint32_t)ticks() * 2654435761u ^ (uint32_t)python_process();
}
