// The kernel's heap: see heap.h.
//
// Each block remembers the capsule that was running when it was allocated. Up to its budget a capsule
// gets what there is; beyond, only while more than the reserve stays free, and only below it: the reserve is the end of
// the heap, so that what stays free is in one piece. No single object may be large, nor may one that is made while the
// board is wired: a loop of the interpreter's C over it would be one that nobody ends.

#include <stdint.h>
#include <string.h>

#include "config.h"
#include "core/heap.h"
#include "core/running.h"
#include "core/wired.h"
#include "py/gc.h"
#include "py/runtime.h"

#define BLOCK_BYTES (MICROPY_BYTES_PER_GC_BLOCK)

// py/gc.c's table: two bits for each block.
#define BLOCKS_PER_BYTE (4)
enum { BLOCK_FREE, BLOCK_HEAD, BLOCK_TAIL, BLOCK_MARK };

void *__real_gc_alloc(size_t bytes, unsigned flags);
void *__real_gc_realloc(void *block, size_t bytes, bool may_move);
void __real_gc_free(void *block);

// Who may still hold what a process had when it ended: the capsule, and this.
#define OF_THE_DEAD (0x80)
_Static_assert(CONFIG_MAX_CAPSULES <= OF_THE_DEAD, "a capsule's number fits below it");

static uint8_t *block_owners; // of an object's first block; one byte a block, behind the last
static uint16_t held[CONFIG_MAX_CAPSULES], held_of_dead[CONFIG_MAX_CAPSULES];
static uint16_t used, total; // all in blocks
const void *heap_watched;

// For tests: this many allocations from now one fails. A debugger, or a change of the image, sets it.
volatile uint32_t heap_fails_after = UINT32_MAX;

static unsigned block_of(const void *pointer) {
    return ((const uint8_t *)pointer - MP_STATE_MEM(area).gc_pool_start) / BLOCK_BYTES;
}

bool heap_has(const void *object) {
    const uint8_t *place = object;
    return place >= MP_STATE_MEM(area).gc_pool_start && place < MP_STATE_MEM(area).gc_pool_end;
}

unsigned heap_owner(const void *object) {
    return heap_has(object) ? block_owners[block_of(object)] & ~OF_THE_DEAD : wired_owner(object);
}

void heap_init(uint8_t *start, uint8_t *end) {
    block_owners = end - ((end - start) / (BLOCK_BYTES + 1) + 1);
    gc_init(start, block_owners);
    total = (MP_STATE_MEM(area).gc_pool_end - MP_STATE_MEM(area).gc_pool_start) / BLOCK_BYTES;
    used = 0;
    memset(held, 0, sizeof(held));
    memset(held_of_dead, 0, sizeof(held_of_dead));
}

void heap_recount(void) {
    for (unsigned i = 0; i < CONFIG_MAX_CAPSULES; i++) {
        held[i] = held_of_dead[i] = 0;
    }
    unsigned count = 0;
    const uint8_t *table = MP_STATE_MEM(area).gc_alloc_table_start;
    unsigned current = CONTAIN_KERNEL;
    for (unsigned block = 0; block < total; block++) {
        unsigned kind = table[block / BLOCKS_PER_BYTE] >> 2 * (block % BLOCKS_PER_BYTE) & 3;
        if (kind != BLOCK_FREE) {
            current = kind == BLOCK_TAIL ? current : block_owners[block];
            if (current & OF_THE_DEAD) {
                held_of_dead[current & ~OF_THE_DEAD]++;
            } else {
                held[current]++;
            }
            count++;
        }
    }
    used = count;
}

#define RESERVE (CONFIG_KERNEL_HEAP_RESERVE / BLOCK_BYTES)

// What a capsule may hold when it has been made, wherever the kernel is wired: the board and the others need the rest.
#define LARGEST_MADE (CONFIG_KERNEL_HEAP_KB * 1024 / 4 / BLOCK_BYTES)

static bool beyond_budget(unsigned blocks) {
    return contain_running != CONTAIN_KERNEL
        && held[contain_running] + blocks > CONFIG_CAPSULE_HEAP_BYTES / BLOCK_BYTES;
}

static bool affordable(unsigned blocks) {
    unsigned most = kernel_sealed ? total : LARGEST_MADE;
    return !beyond_budget(blocks)
        || (held[contain_running] + blocks <= most && used + blocks + RESERVE <= total);
}

// What the board makes while it is wired is larger: tables of names, its own among them.
#ifndef LARGEST_OF_BOARD // the fuzzer's kernel compiles, which takes larger ones
#define LARGEST_OF_BOARD (4096)
#endif

static bool making_buffer; // bytes that no loop of the interpreter's goes over

static bool permitted(size_t bytes) {
    bool for_buffer = making_buffer;
    making_buffer = false; // before a time-out leaves from here
    if (heap_fails_after != UINT32_MAX && heap_fails_after-- == 0) {
        return false;
    }
    if (contain_running == CONTAIN_KERNEL) {
        return bytes <= LARGEST_OF_BOARD || for_buffer;
    }
    if (MP_STATE_THREAD(mp_pending_exception) != MP_OBJ_NULL) {
        mp_handle_pending(true); // a time-out: it may find the CPU nowhere but in collections
    }
    if (bytes > CONFIG_CAPSULE_LARGEST_OBJECT && !for_buffer) {
        return false;
    }
    unsigned blocks = (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
    if (affordable(blocks)) {
        return true;
    }
    gc_collect(); // and heap_recount()
    return affordable(blocks);
}

static void charge(const void *object, size_t bytes) {
    if (object != NULL) {
        unsigned blocks = (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
        block_owners[block_of(object)] = contain_running;
        held[contain_running] += blocks;
        used += blocks;
    }
}

// Gives back what lies in the reserve, where single blocks here and there would leave nothing large free.
static void *unless_in_reserve(void *object, unsigned blocks) {
    if (object != NULL && beyond_budget(blocks) && block_of(object) + blocks + RESERVE > total) {
        __real_gc_free(object);
        return NULL;
    }
    return object;
}

static void *place(size_t bytes, unsigned flags) {
    unsigned blocks = (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
    void *object = unless_in_reserve(__real_gc_alloc(bytes, flags), blocks);
    if (object == NULL && beyond_budget(blocks)) {
        gc_collect(); // after that, room is looked for from the beginning of the heap
        object = unless_in_reserve(__real_gc_alloc(bytes, flags), blocks);
    }
    charge(object, bytes);
    heap_watched = object == heap_watched ? NULL : heap_watched;
    return object;
}

void *heap_alloc(size_t bytes, unsigned flags) {
    return permitted(bytes) ? place(bytes, flags) : NULL;
}

void *heap_alloc_buffer(size_t bytes) {
    making_buffer = true;
    void *object = m_malloc_maybe(bytes);
    if (object == NULL) {
        m_malloc_fail(bytes);
    }
    return memset(object, 0, bytes);
}

static bool keeps_the_dead(unsigned capsule) {
    return held_of_dead[capsule] > CONFIG_CAPSULE_HEAP_BYTES / BLOCK_BYTES;
}

void *heap_alloc_for_process(size_t bytes, const mp_obj_type_t *type, unsigned capsule) {
    if (keeps_the_dead(capsule)) {
        gc_collect(); // and heap_recount()
        if (keeps_the_dead(capsule)) {
            m_malloc_fail(bytes);
        }
    }
    uint8_t running = contain_running;
    contain_running = CONTAIN_KERNEL;
    mp_obj_base_t *object = m_malloc_maybe(bytes);
    contain_running = running;
    if (object == NULL) {
        m_malloc_fail(bytes);
    }
    object->type = type;
    return object;
}

void heap_process_ended(const void *object, unsigned capsule) {
    unsigned blocks = gc_nbytes(object) / BLOCK_BYTES;
    held[block_owners[block_of(object)]] -= blocks;
    held_of_dead[capsule] += blocks;
    block_owners[block_of(object)] = OF_THE_DEAD | capsule;
}

// Safety: more is read than the old object may have, which is some of its neighbours; its user has no use for that.
static void *copied(const void *object, size_t bytes) {
    void *copy = place(bytes, 0);
    return copy == NULL ? NULL : memcpy(copy, object, bytes);
}

void heap_free(void *object) {
    if (heap_has(object)) {
        __real_gc_free(object);
    }
}

// What grows where it is. Functions and a variable of their own: who makes an object may be deep in the stack.
static uint16_t size_before;

static MP_NOINLINE void note_size(const void *object) {
    size_before = object != NULL ? gc_nbytes(object) / BLOCK_BYTES : 0;
}

static MP_NOINLINE void charge_growth(size_t bytes) {
    unsigned after = (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
    if (after > size_before) {
        held[contain_running] += after - size_before;
        used += after - size_before;
    }
}

void *heap_realloc(void *object, size_t bytes, bool may_move) {
    if (!permitted(bytes)) {
        return NULL;
    }
    if (object != NULL && !heap_has(object)) { // of the wired part, where it stays and nothing can grow
        return may_move ? copied(object, bytes) : NULL;
    }
    note_size(object);
    unsigned blocks = (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
    if (object != NULL && blocks > size_before && beyond_budget(blocks)) { // where it is, it could grow into the reserve
        void *copy = may_move ? place(bytes, 0) : NULL;
        if (copy != NULL) {
            memcpy(copy, object, size_before * BLOCK_BYTES);
            __real_gc_free(object);
        }
        return copy;
    }
    void *moved = __real_gc_realloc(object, bytes, may_move);
    if (moved != object) {
        charge(moved, bytes);
    } else {
        charge_growth(bytes);
    }
    return moved;
}
