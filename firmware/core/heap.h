// The kernel's heap: who holds how much of it, so that no capsule can take what the others need.

#ifndef ADDER_CORE_HEAP_H
#define ADDER_CORE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

void heap_init(void);

// The capsule that made this object.
unsigned heap_owner(const void *object);

// In place of gc_alloc and gc_realloc while the kernel's Python runs. NULL, which becomes a MemoryError,
// if it may not be.
void *heap_alloc(size_t bytes, unsigned flags);
void *heap_realloc(void *block, size_t bytes, bool may_move);

// After a collection: count anew what each capsule holds.
void heap_recount(void);

#endif
