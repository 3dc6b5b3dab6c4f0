// The kernel log: a ring of lines. One that does not fit is dropped as a whole, and counted.

#include <stdarg.h>
#include <stdbool.h>

#include "config.h"
#include "core/interrupt.h"
#include "core/running.h"
#include "kernel/log.h"
#include "py/runtime.h"

#define LONGEST_NAME (64)
#define NOBODY (MP_QSTR_) // no line has begun
#define SIZE (CONFIG_KERNEL_LOG_BYTES)
_Static_assert((SIZE & (SIZE - 1)) == 0, "CONFIG_KERNEL_LOG_BYTES must be a power of two");

uint8_t kernel_log_ring[SIZE];
static uint32_t head, start, tail; // next to write; where its line starts; next to read: all count up for ever
static uint32_t limit;             // so much may wait for this line to go on; 0: it is dropped
static uint32_t lost;              // lines, since that was said
static qstr writer = NOBODY;       // whose line it is; MP_QSTRnull: the kernel's own
static unsigned notify_line;
static void (*panic_put)(uint8_t c); // what takes each byte when the kernel ends

static void put(uint8_t c) {
    if (panic_put != NULL) {
        panic_put(c);
    } else if (head - tail < limit) {
        kernel_log_ring[head++ % SIZE] = c;
    } else {
        head = start;
        limit = 0;
    }
}

// All that the kernel prints comes through here, and nothing of it is a command to a terminal, whoever has written it.
static void put_shown(char c) {
    put(c >= ' ' && c <= '~' ? c : '?');
}

static void end_line(void) {
    put('\r');
    put('\n');
    lost += limit == 0;
    start = head;
    writer = NOBODY;
    kernel_log_wake();
}

// A capsule's lines bear its name. They, and so what programs have it say, get the first half of the ring: the kernel's own find
// room. Once one was lost, no more come before that was said.
static void begin_line(qstr who) {
    writer = who;
    limit = who == MP_QSTRnull ? SIZE : lost == 0 ? SIZE / 2 : 0;
    if (who != MP_QSTRnull) {
        for (const char *name = qstr_str(who); *name != '\0'; name++) {
            put_shown(*name);
        }
        put(':');
        put(' ');
    }
}

static void print_as(qstr who, const char *text, size_t length, bool lines) {
    for (size_t i = 0; i < length; i++) {
        if (writer != who) {
            if (writer != NOBODY) {
                end_line(); // its writer has left it
            }
            begin_line(who);
        }
        if (lines && text[i] == '\n') {
            end_line();
        } else {
            put_shown(text[i]);
        }
    }
}

static void print_strn(void *data, const char *text, size_t length) {
    (void)data;
    print_as(MP_QSTRnull, text, length, true);
}

const mp_print_t kernel_print = { NULL, print_strn };

void kernel_log_as(qstr capsule, const char *text, size_t length) {
    print_as(capsule, text, length, capsule == MP_QSTRnull || length == 1);
}

void kernel_log_wake(void) {
    if (panic_put != NULL) {
        return;
    }
    if (notify_line != 0 && interrupt_handlers[notify_line] != MP_OBJ_NULL) {
        interrupt_trigger(notify_line);
    } else if (kernel_sealed) { // no capsule takes it, and none will
        while (tail != start) {
            board_panic_putc(kernel_log_ring[tail++ % SIZE]);
        }
    }
}

static void say_lost(void) {
    uint32_t lines = lost;
    lost = 0;
    if (lines != 0) {
        kernel_printf("kernel: %u lines of messages lost\n", (unsigned)lines);
    }
}

void kernel_printf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    mp_vprintf(&kernel_print, format, arguments);
    va_end(arguments);
}

void kernel_log_words(const char *text, size_t length) {
    print_as(MP_QSTRnull, text, length, false);
}

void kernel_log_app(const tbf_t *tbf) {
    kernel_printf(tbf->name_length == 0 ? "app (no name)" : "app ");
    kernel_log_words(tbf->name, MIN(tbf->name_length, LONGEST_NAME));
}

bool kernel_log_has_room(void) {
    return head - tail <= SIZE / 4 * 3;
}

uint32_t kernel_log_take(uint8_t *destination, uint32_t length) {
    uint32_t count = 0, lines = 0;
    while (count < length && tail + count != start) {
        destination[count] = kernel_log_ring[(tail + count) % SIZE];
        if (destination[count++] == '\n') {
            lines = count;
        }
    }
    if (lines != 0) {
        count = lines; // whole lines where it can be: what programs print does not come between
    }
    tail += count;
    if (head - tail < SIZE / 4) {
        say_lost();
    }
    return count;
}

void kernel_log_notify(unsigned number) {
    notify_line = number;
    if (start != tail) {
        interrupt_trigger(number);
    }
}

void kernel_log_panic(void (*put_byte)(uint8_t c)) {
    if (head - tail > SIZE) { // overwritten by whatever ends the kernel
        tail = head;
    }
    while (tail != head) {
        board_panic_putc(kernel_log_ring[tail++ % SIZE]);
    }
    panic_put = board_panic_putc;
    say_lost();
    panic_put = put_byte;
}
