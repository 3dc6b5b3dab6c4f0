// The kernel's heap under the address sanitizer: between two objects lie bytes that nobody may touch, and so are those
// of an object's last block that it did not ask for, and all of what is free.
//
// gc.c itself is compiled without the sanitizer, under other names; this stands around it.

#include <sanitizer/asan_interface.h>
#include <stdint.h>

#include "host.h"
#include "py/gc.h"
#include "py/mpstate.h"

#define BLOCK (MICROPY_BYTES_PER_GC_BLOCK)
#define BETWEEN (BLOCK)

void *plain_gc_alloc(size_t bytes, unsigned flags);
void *plain_gc_realloc(void *object, size_t bytes, bool may_move);
void plain_gc_free(void *object);

// For gc.c: the sanitizer watches the library's own.
void *plain_memset(void *to, int byte, size_t length) {
    for (volatile uint8_t *at = to, *end = at + length; at != end; at++) {
        *at = byte;
    }
    return to;
}

void *plain_memcpy(void *to, const void *from, size_t length) {
    volatile uint8_t *at = to;
    for (const volatile uint8_t *source = from, *end = source + length; source != end; source++) {
        *at++ = *source;
    }
    return to;
}

static void open_object(const void *object, size_t bytes) {
    size_t whole = gc_nbytes(object);
    ASAN_UNPOISON_MEMORY_REGION(object, bytes);
    ASAN_POISON_MEMORY_REGION((const uint8_t *)object + (bytes + 7) / 8 * 8, whole - (bytes + 7) / 8 * 8);
}

// What lies between is paid for by whom the object is: core/heap.c counts it.
void *__real_heap_alloc(size_t bytes, unsigned flags);
void *__wrap_heap_alloc(size_t bytes, unsigned flags) {
    return bytes == 0 || host_heap_is_full() ? NULL : __real_heap_alloc(bytes + BETWEEN, flags);
}

void *__real_heap_realloc(void *object, size_t bytes, bool may_move);
void *__wrap_heap_realloc(void *object, size_t bytes, bool may_move) {
    if (bytes != 0 && host_heap_is_full()) {
        return NULL;
    }
    return __real_heap_realloc(object, bytes == 0 ? 0 : bytes + BETWEEN, may_move);
}

void *gc_alloc(size_t bytes, unsigned flags) {
    void *object = plain_gc_alloc(bytes, flags);
    if (object != NULL) {
        open_object(object, bytes - BETWEEN);
        host_point(true);
    }
    return object;
}

void *gc_realloc(void *object, size_t bytes, bool may_move) {
    if (object == NULL) {
        return gc_alloc(bytes, 0);
    }
    if (bytes == 0) {
        gc_free(object);
        return NULL;
    }
    size_t whole = gc_nbytes(object);
    void *moved = plain_gc_realloc(object, bytes, may_move);
    if (moved != NULL) {
        if (moved != object) {
            ASAN_POISON_MEMORY_REGION(object, whole);
        }
        open_object(moved, bytes - BETWEEN);
        host_point(true);
    }
    return moved;
}

void gc_free(void *object) {
    if (object != NULL) {
        size_t whole = gc_nbytes(object);
        plain_gc_free(object);
        ASAN_POISON_MEMORY_REGION(object, whole);
    }
}

// After a collection: what has become free is closed.
void __real_gc_collect_end(void);
void __wrap_gc_collect_end(void) {
    __real_gc_collect_end();
    const uint8_t *table = MP_STATE_MEM(area).gc_alloc_table_start;
    uint8_t *pool = MP_STATE_MEM(area).gc_pool_start;
    size_t blocks = (MP_STATE_MEM(area).gc_pool_end - pool) / BLOCK;
    for (size_t block = 0, first = 0; block <= blocks; block++) {
        bool free = block < blocks && (table[block / 4] >> 2 * (block % 4) & 3) == 0;
        if (!free) {
            if (block > first) {
                ASAN_POISON_MEMORY_REGION(pool + first * BLOCK, (block - first) * BLOCK);
            }
            first = block + 1;
        }
    }
}
