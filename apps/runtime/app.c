// What an app knows about itself: its argument and its name.

#include "adder.h"

extern const char app_argument_text[64];

const char *app_argument(void) {
    return app_argument_text;
}

bool next_word(const char **text, char *word, size_t size) {
    const char *p = *text;
    size_t length = 0;
    while (*p == ' ') {
        p++;
    }
    while (*p != 0 && *p != ' ') {
        if (length + 1 < size) {
            word[length++] = *p;
        }
        p++;
    }
    word[length] = 0;
    *text = p;
    return length != 0;
}

uint32_t parse_number(const char *word, uint32_t fallback) {
    uint32_t base = 10;
    uint32_t value = 0;
    if (word[0] == '0' && (word[1] == 'x' || word[1] == 'X')) {
        base = 16;
        word += 2;
    }
    if (*word == 0) {
        return fallback;
    }
    for (; *word != 0; word++) {
        uint32_t digit = (uint32_t)(*word - '0');
        if (digit > 9) {
            digit = (uint32_t)((*word | 0x20) - 'a') + 10;
            if (digit < 10) {
                return fallback;
            }
        }
        if (digit >= base) {
            return fallback;
        }
        value = value * base + digit;
    }
    return value;
}

const char *app_name(size_t *length) {
    // TBF: u16 version, u16 header size, ..., then (u16 type, u16 length, data) from byte 16.
    enum { HEADER_SIZE = 2, BASE = 16, PACKAGE_NAME = 3 };
    const uint8_t *header = (const uint8_t *)memop(MEMOP_FLASH_START, 0).a;
    uint32_t end = *(const uint16_t *)(header + HEADER_SIZE);
    for (uint32_t at = BASE; at + 4 <= end;) {
        uint32_t type = *(const uint16_t *)(header + at);
        uint32_t size = *(const uint16_t *)(header + at + 2);
        if (type == PACKAGE_NAME) {
            *length = size;
            return (const char *)(header + at + 4);
        }
        at += 4 + ((size + 3) & ~3u);
    }
    *length = 0;
    return "";
}
