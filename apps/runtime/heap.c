// Memory beyond the static data: the break, and a first-fit heap on top of it.

#include "adder.h"

bool brk(void *end) {
    return succeeded(memop(MEMOP_BRK, (uintptr_t)end));
}

void *sbrk(intptr_t delta) {
    result_t r = memop(MEMOP_SBRK, (uintptr_t)delta);
    return succeeded(r) ? (void *)r.a : SBRK_FAILED;
}

// Free blocks form a list in address order; neighbours are joined when one is freed.
typedef struct block {
    size_t size; // with this header, a multiple of 8
    struct block *next;
} block_t;

static block_t *free_blocks;

void *malloc(size_t size) {
    if (size > 0x10000000) {
        return NULL;
    }
    size = (size + sizeof(block_t) + 7) & ~(size_t)7;
    block_t *block;
    for (block_t **link = &free_blocks; (block = *link) != NULL; link = &block->next) {
        if (block->size < size) {
            continue;
        }
        if (block->size >= size + 2 * sizeof(block_t)) {
            block_t *rest = (block_t *)((char *)block + size);
            rest->size = block->size - size;
            rest->next = block->next;
            block->size = size;
            *link = rest;
        } else {
            *link = block->next;
        }
        return block + 1;
    }
    uintptr_t misaligned = (uintptr_t)sbrk(0) & 7;
    if (misaligned != 0 && sbrk((intptr_t)(8 - misaligned)) == SBRK_FAILED) {
        return NULL;
    }
    block = sbrk((intptr_t)size);
    if (block == SBRK_FAILED) {
        return NULL;
    }
    block->size = size;
    return block + 1;
}

void free(void *memory) {
    if (memory == NULL) {
        return;
    }
    block_t *block = (block_t *)memory - 1;
    block_t *before = NULL;
    block_t *after = free_blocks;
    while (after != NULL && after < block) {
        before = after;
        after = after->next;
    }
    block->next = after;
    if (after != NULL && (char *)block + block->size == (char *)after) {
        block->size += after->size;
        block->next = after->next;
    }
    if (before == NULL) {
        free_blocks = block;
    } else if ((char *)before + before->size == (char *)block) {
        before->size += block->size;
        before->next = block->next;
    } else {
        before->next = block;
    }
}
