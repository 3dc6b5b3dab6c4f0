// The few functions of <string.h> that apps and the compiler itself call.
// crt0 calls memcpy and memset before the global offset table exists: they use no data.

#include "adder.h"

void *memcpy(void *to, const void *from, size_t length) {
    char *t = to;
    const char *f = from;
    while (length-- != 0) {
        *t++ = *f++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t length) {
    char *t = to;
    const char *f = from;
    if (t <= f) {
        return memcpy(to, from, length);
    }
    while (length-- != 0) {
        t[length] = f[length];
    }
    return to;
}

void *memset(void *to, int value, size_t length) {
    char *t = to;
    while (length-- != 0) {
        *t++ = (char)value;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t length) {
    const uint8_t *x = a;
    const uint8_t *y = b;
    for (; length-- != 0; x++, y++) {
        if (*x != *y) {
            return *x - *y;
        }
    }
    return 0;
}

size_t strlen(const char *text) {
    size_t length = 0;
    while (text[length] != 0) {
        length++;
    }
    return length;
}

int strcmp(const char *a, const char *b) {
    while (*a != 0 && *a == *b) {
        a++;
        b++;
    }
    return (uint8_t)*a - (uint8_t)*b;
}
