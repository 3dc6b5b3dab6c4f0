// The kernel's heap: who holds how much of it, so that no capsule can take what the others need.

#ifndef ADDER_CORE_HEAP_H
#define ADDER_CORE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include "py/obj.h"

void heap_init(uint8_t *start, uint8_t *end); // an empty heap, between these

// The capsule that made this object; whether it lies in the heap, and not in the wired part.
unsigned heap_owner(const void *object);
bool heap_has(const void *object);

// Somebody knows an object by this address; NULL as soon as there is another one.
extern const void *heap_watched;

// In place of gc_alloc, gc_realloc and gc_free while the kernel's Python runs. NULL, which becomes a MemoryError,
// if it may not be. What does not lie in the heap, but in the wired part, is copied to it when it grows, and never freed.
void *heap_alloc(size_t bytes, unsigned flags);
void *heap_realloc(void *block, size_t bytes, bool may_move);
void heap_free(void *block);

// The bytes of a Buffer, all zero, which may be larger than any other object. Raises MemoryError.
void *heap_alloc_buffer(size_t bytes);

// An object of the kernel's own, whoever runs: what living processes have is bounded by processes times drivers, so it
// is not charged to `capsule`, which serves the driver. Raises MemoryError, also if that capsule keeps more
// than a share of what had belonged to processes that have ended.
void *heap_alloc_for_process(size_t bytes, const mp_obj_type_t *type, unsigned capsule);

// The process of such an object has ended: from now on it is there only if the capsule keeps it.
void heap_process_ended(const void *object, unsigned capsule);

// After a collection: count anew what each capsule holds.
void heap_recount(void);

#endif
