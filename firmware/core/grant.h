// Grants: the records that capsules keep in the memory of the processes themselves, as words.

#ifndef ADDER_CORE_GRANT_H
#define ADDER_CORE_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/process.h"
#include "py/obj.h"

// What a process has subscribed or allowed at one driver lies in the process's own memory, at its top, with the
// capsule's record behind it: [upcalls][read-write][read-only][readable][places][fields]. The first four are pairs of words.
typedef enum { GRANT_UPCALLS, GRANT_READ_WRITE, GRANT_READ_ONLY, GRANT_READABLE, GRANT_KINDS } grant_kind_t;

typedef struct {
    uint8_t count[GRANT_KINDS]; // how many pairs there are of each kind
    uint8_t at[GRANT_KINDS];    // in which word its first one begins
    uint8_t fields_at;
    uint8_t words; // of the whole
    uint8_t capsule; // whose it is
    uint8_t answers : 3; // places for upcalls that answer commands, before the fields
    uint8_t asks_count : 4;
    uint8_t takes_words : 1; // the capsule's command is compiled to machine words: an argument is not kept as an object
    const uint8_t *asks; // pairs: a command, and the upcall that answers it
} grant_shape_t;

// What a capsule holds of one process: its record there. Void as soon as the process ends.
typedef struct {
    mp_obj_base_t base;
    process_t *process; // process_nobody once it has ended
    uint32_t id;
    uint32_t *block; // the grant in the process's memory
    const grant_shape_t *shape;
    mp_obj_t views[]; // read-write, read-only and readable buffers, made on first use
} entry_t;

static inline unsigned grant_views(const grant_shape_t *shape) {
    return shape->count[GRANT_READ_WRITE] + shape->count[GRANT_READ_ONLY] + shape->count[GRANT_READABLE];
}

// True while the entry's process is the one it was made for and lives.
static inline bool entry_valid(const entry_t *entry) {
    return entry->process->id == entry->id && process_alive(entry->process);
}

// The grant of driver number `driver` (an index) in this process, made on first use.
// NULL if the process has no memory left for it.
uint32_t *grant_make(process_t *process, unsigned driver, const grant_shape_t *shape);

// Whether it may have so many blocks more of the kernel's heap, for what Python holds of its records; they are its then.
bool grant_has_blocks(process_t *process, unsigned blocks);

// The upcall that answers a command; -1: none.
int grant_answer(const grant_shape_t *shape, uint32_t command);

// The fields of all records, for a capsule that starts again.
void grant_clear_fields(unsigned driver, const grant_shape_t *shape);

// The process has ended: its records are void.
void grant_forget(process_t *process);

#endif
