// The allocator: grants, which are capsules' records in the memory of the processes themselves.

#ifndef ADDER_OBJECTS_GRANT_H
#define ADDER_OBJECTS_GRANT_H

#include "kernel/capsule.h"
#include "kernel/process.h"
#include "py/obj.h"

extern const mp_obj_type_t layout_type, grant_type, entry_type, process_id_type;

// What a capsule holds of one process: its record there. Void as soon as the process ends.
typedef struct {
    mp_obj_base_t base;
    process_t *process;
    uint32_t id;
    uint32_t *block; // the grant in the process's memory
    driver_t *driver;
    mp_obj_t views[]; // read-write, read-only and readable buffers, made on first use
} entry_t;

typedef struct {
    mp_obj_base_t base;
    process_t *process;
    uint32_t id;
} process_id_t;

// True while the entry's process is the one it was made for and lives.
static inline bool entry_valid(const entry_t *entry) {
    return entry->process->id == entry->id && process_alive(entry->process);
}

void allocator_apply_layout(driver_t *driver, mp_obj_t layout);
int allocator_answer(const driver_t *driver, uint32_t command); // the upcall that answers a command; -1: none
bool allocator_asks(const driver_t *driver); // whether there is such a command
mp_obj_t grant_new(unsigned driver); // for the board only
void allocator_clear_fields(unsigned driver); // of all records, for a capsule that begins anew
void allocator_forget(process_t *process);    // it has ended: its records are void
unsigned grant_driver(mp_obj_t grant); // raises if it is no Grant
process_t *process_from_id(mp_obj_t id); // NULL if it has ended; raises if it is no ProcessId

#endif
