// The kernel log: a ring of bytes. What does not fit is dropped and counted.

#include <stdarg.h>
#include <stdbool.h>

#include "config.h"
#include "core/interrupt.h"
#include "core/running.h"
#include "kernel/log.h"
#include "py/runtime.h"

#define LONGEST_NAME (64)
#define SIZE (CONFIG_KERNEL_LOG_BYTES)
_Static_assert((SIZE & (SIZE - 1)) == 0, "CONFIG_KERNEL_LOG_BYTES must be a power of two");

uint8_t kernel_log_ring[SIZE];
static uint32_t head, tail; // head: next to write; tail: next to read; both count up for ever
static uint32_t dropped;
static unsigned notify_line;
static void (*panic_put)(uint8_t c); // what takes each byte when the kernel ends

static void put(uint8_t c) {
    if (panic_put != NULL) {
        panic_put(c);
    } else if (head - tail < SIZE) {
        kernel_log_ring[head++ % SIZE] = c;
    } else {
        dropped++;
    }
}

static void put_shown(char c) {
    put(c >= ' ' && c <= '~' ? c : '?');
}

// All that the kernel prints comes through here, and nothing of it is a command to a terminal, whoever has written it.
static void print_strn(void *data, const char *text, size_t length) {
    (void)data;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n') {
            put('\r');
            put('\n');
        } else {
            put_shown(text[i]);
        }
    }
    kernel_log_wake();
}

void kernel_log_wake(void) {
    if (panic_put != NULL) {
        return;
    }
    if (notify_line != 0 && interrupt_handlers[notify_line] != MP_OBJ_NULL) {
        interrupt_trigger(notify_line);
    } else if (kernel_sealed) { // no capsule takes it, and none will
        while (tail != head) {
            board_panic_putc(kernel_log_ring[tail++ % SIZE]);
        }
    }
}

const mp_print_t kernel_print = { NULL, print_strn };

void kernel_printf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    mp_vprintf(&kernel_print, format, arguments);
    va_end(arguments);
}

void kernel_log_words(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        put_shown(text[i]);
    }
}

void kernel_log_app(const tbf_t *tbf) {
    kernel_printf(tbf->name_length == 0 ? "app (no name)" : "app ");
    kernel_log_words(tbf->name, MIN(tbf->name_length, LONGEST_NAME));
}

uint32_t kernel_log_take(uint8_t *destination, uint32_t length) {
    uint32_t count = 0, lines = 0;
    while (count < length && tail + count != head) {
        destination[count] = kernel_log_ring[(tail + count) % SIZE];
        if (destination[count++] == '\n') {
            lines = count;
        }
    }
    if (lines != 0) {
        count = lines; // whole lines where it can be: what programs print does not come between
    }
    tail += count;
    if (tail == head && dropped != 0) {
        uint32_t lost = dropped;
        dropped = 0;
        kernel_printf("kernel: %u bytes of messages lost\n", (unsigned)lost);
    }
    return count;
}

void kernel_log_notify(unsigned line) {
    notify_line = line;
    if (head != tail) {
        interrupt_trigger(line);
    }
}

void kernel_log_panic(void (*put_byte)(uint8_t c)) {
    panic_put = put_byte;
    if (head - tail > SIZE) { // overwritten by whatever ends the kernel
        tail = head;
    }
    while (tail != head) {
        board_panic_putc(kernel_log_ring[tail++ % SIZE]);
    }
}
