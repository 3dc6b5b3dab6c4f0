// Grants. A capsule keeps what it must remember of a process in that process's memory, so no
// process can exhaust the kernel's heap, and what is remembered goes when the process goes.

#include <string.h>

#include "core/context_switch.h"
#include "core/grant.h"
#include "core/heap.h"

// Python's objects for records lie in the kernel's heap, where so many blocks are for them. Each process has some, whatever
// the others do (two for its id, and what console and alarm take); more is there for who comes first.
#define ALL_BLOCKS ((CONFIG_WIRED ? CONFIG_KERNEL_RUN_HEAP_BYTES - 1024 : CONFIG_KERNEL_HEAP_KB * 512) / 18 - 2 * CONFIG_MAX_PROCESSES)
#define ENTRY_BLOCKS(views) ((sizeof(entry_t) + (views) * sizeof(mp_obj_t) + 15) / 16)
#define OWN_BLOCKS MIN(10, ALL_BLOCKS / CONFIG_MAX_PROCESSES)

bool grant_has_blocks(process_t *process, unsigned blocks) {
    unsigned wanted = process->record_blocks + blocks, all = wanted;
    for (unsigned i = 0; i < CONFIG_MAX_PROCESSES; i++) {
        all += i == process->slot ? 0 : MAX(processes[i]->record_blocks, OWN_BLOCKS);
    }
    if (wanted > OWN_BLOCKS && all > ALL_BLOCKS) {
        return false;
    }
    process->record_blocks = wanted;
    return true;
}

// Safety: the block lies between what the process may access and the end of its RAM.
uint32_t *grant_make(process_t *process, unsigned driver, const grant_shape_t *shape) {
    if (process->grants[driver] == NULL) {
        uint32_t size = round_up(4 * shape->words, 8);
        uint32_t lowest = process_accessible_end(process, process->app_break);
        if (process->grant_start - lowest < size || !grant_has_blocks(process, ENTRY_BLOCKS(grant_views(shape)))) {
            return NULL;
        }
        process->grant_start -= size;
        memset((void *)process->grant_start, 0, size);
        process->grants[driver] = (uint32_t *)process->grant_start;
    }
    return process->grants[driver];
}

int grant_answer(const grant_shape_t *shape, uint32_t command) {
    for (unsigned i = 0; i < shape->asks_count; i++) {
        if (shape->asks[2 * i] == command) {
            return shape->asks[2 * i + 1];
        }
    }
    return -1;
}

void grant_clear_fields(unsigned driver, const grant_shape_t *shape) {
    for (unsigned i = 0; i < CONFIG_MAX_PROCESSES; i++) {
        if (process_alive(processes[i]) && processes[i]->grants[driver] != NULL) {
            memset(processes[i]->grants[driver] + shape->fields_at, 0, 4 * (shape->words - shape->fields_at));
        }
    }
}

// Safety: a process's system call comes here too, with its own r9; the heap's numbers are the kernel's.
void grant_forget(process_t *process) {
    mp_state_ctx_t *before = python_enter_kernel();
    for (unsigned i = 0; i < MAX_DRIVERS; i++) {
        if (process->entries[i] == MP_OBJ_NULL) {
            continue;
        }
        entry_t *entry = MP_OBJ_TO_PTR(process->entries[i]);
        entry->process = process_nobody;
        for (unsigned j = 0; j < grant_views(entry->shape); j++) {
            if (entry->views[j] != MP_OBJ_NULL) {
                heap_process_ended(MP_OBJ_TO_PTR(entry->views[j]), entry->shape->capsule);
            }
        }
        heap_process_ended(entry, entry->shape->capsule);
        process->entries[i] = MP_OBJ_NULL;
    }
    process->record_blocks = 0;
    python_leave_kernel(before);
}
