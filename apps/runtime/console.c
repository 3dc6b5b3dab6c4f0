// The console: text out, one transaction a line.

#include "adder.h"

enum { WRITE_BUFFER = 1, WRITE = 1, WRITE_DONE = 1 };

void console_write(const void *text, size_t length) {
    const char *rest = text;
    while (length != 0) {
        if (!succeeded(allow_ro(DRIVER_CONSOLE, WRITE_BUFFER, rest, length))) {
            return;
        }
        result_t r = command(DRIVER_CONSOLE, WRITE, length, 0);
        if (!succeeded(r)) {
            if (r.a != E_BUSY) {
                break;
            }
            yield_wait_for(DRIVER_CONSOLE, WRITE_DONE); // an earlier write of this app
            continue;
        }
        size_t written = yield_wait_for(DRIVER_CONSOLE, WRITE_DONE).a;
        if (written == 0 || written > length) {
            break;
        }
        rest += written;
        length -= written;
    }
    allow_ro(DRIVER_CONSOLE, WRITE_BUFFER, NULL, 0);
}

typedef struct {
    char *out;
    size_t size;
    size_t length;
} sink_t;

static void put(sink_t *sink, char c) {
    if (sink->length + 1 < sink->size) {
        sink->out[sink->length] = c;
    }
    sink->length++;
}

static void put_padded(sink_t *sink, const char *text, size_t length, size_t width, bool left, char pad) {
    if (pad == '0' && length != 0 && *text == '-') {
        put(sink, '-');
        text++;
        length--;
        width -= width != 0;
    }
    for (; !left && width > length; width--) {
        put(sink, pad);
    }
    for (size_t i = 0; i < length; i++) {
        put(sink, text[i]);
    }
    for (; left && width > length; width--) {
        put(sink, ' ');
    }
}

// The digits of value, ending just before end; returns where they begin.
static char *digits(char *end, uint32_t value, uint32_t base) {
    do {
        uint32_t digit = value % base;
        *--end = (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
        value /= base;
    } while (value != 0);
    return end;
}

size_t format_text_v(char *out, size_t size, const char *format, va_list arguments) {
    sink_t sink = {out, size, 0};
    for (; *format != 0; format++) {
        if (*format != '%') {
            put(&sink, *format);
            continue;
        }
        format++;
        bool left = false;
        char pad = ' ';
        size_t width = 0;
        size_t precision = SIZE_MAX;
        for (; *format == '-' || *format == '0'; format++) {
            left |= *format == '-';
            pad = *format == '0' ? '0' : pad;
        }
        for (; *format >= '0' && *format <= '9'; format++) {
            width = width * 10 + (size_t)(*format - '0');
        }
        if (format[0] == '.' && format[1] == '*') {
            precision = (size_t)va_arg(arguments, int);
            format += 2;
        }
        while (*format == 'l' || *format == 'z') { // 32 bits like int
            format++;
        }

        char number[12];
        char *end = number + sizeof number;
        const char *text = end;
        size_t length = 0;
        switch (*format) {
            case 'c':
                number[0] = (char)va_arg(arguments, int);
                text = number;
                length = 1;
                break;
            case 's':
                text = va_arg(arguments, const char *);
                while (length < precision && text[length] != 0) {
                    length++;
                }
                break;
            case 'd':
            case 'i': {
                int32_t value = va_arg(arguments, int32_t);
                char *start = digits(end, value < 0 ? 0 - (uint32_t)value : (uint32_t)value, 10);
                if (value < 0) {
                    *--start = '-';
                }
                text = start;
                length = (size_t)(end - start);
                break;
            }
            case 'u':
            case 'x':
            case 'p': {
                char *start = digits(end, va_arg(arguments, uint32_t), *format == 'u' ? 10 : 16);
                if (*format == 'p') {
                    *--start = 'x';
                    *--start = '0';
                }
                text = start;
                length = (size_t)(end - start);
                break;
            }
            case '%':
                text = "%";
                length = 1;
                break;
            default: // not one of ours: stop, the arguments can no longer be matched
                goto done;
        }
        put_padded(&sink, text, length, width, left, pad);
    }
done:
    if (size != 0) {
        out[sink.length < size ? sink.length : size - 1] = 0;
    }
    return sink.length;
}

size_t format_text(char *out, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t length = format_text_v(out, size, format, arguments);
    va_end(arguments);
    return length;
}

void print(const char *format, ...) {
    char line[129];
    va_list arguments;
    va_start(arguments, format);
    size_t length = format_text_v(line, sizeof line, format, arguments);
    va_end(arguments);
    console_write(line, length < sizeof line ? length : sizeof line - 1);
}
