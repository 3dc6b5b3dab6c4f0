// The loader. Programs form a list without pointers: each header says where the next one begins, also one
// that is damaged in any other place; the first thing that says no such thing ends the list.

#include "kernel/abi.h"
#include "kernel/loader.h"
#include "kernel/log.h"
#include "kernel/process.h"
#include "kernel/tbf.h"
#include "memory_map.h"

#define LONGEST_HEADER (4096) // bytes: a header is read whole, by whoever has a program loaded at run time

#define MOST_LINES (24) // about what does not run: the flash may hold ten thousands of that

bool loader_taken;

static int load(const tbf_t *tbf) {
    int slot = process_create(tbf);
    if (slot >= 0) {
        const process_t *process = processes[slot];
        kernel_log_app(tbf);
        kernel_printf(": slot %u, flash 0x%08x-0x%08x, RAM 0x%08x-0x%08x\n", process->slot, (unsigned)tbf->start,
            (unsigned)tbf->end, (unsigned)process->ram_start, (unsigned)process->ram_end);
    }
    return slot;
}

bool loader_uses(uint32_t start, uint32_t end) {
    for (unsigned i = 0; i < CONFIG_MAX_PROCESSES; i++) {
        if (processes[i]->state != PROCESS_UNUSED && start < processes[i]->tbf.end && processes[i]->tbf.start < end) {
            return true;
        }
    }
    return false;
}

// Safety: only reads, and only in the flash of apps.
int loader_load(uint32_t offset) {
    uint32_t address = APP_FLASH_START + offset, size;
    tbf_t tbf;
    if (offset % 4 != 0 || offset > APP_FLASH_END - APP_FLASH_START - 4 || ((const uint16_t *)address)[1] > LONGEST_HEADER) {
        return -ERROR_INVAL;
    }
    const char *error = tbf_parse(address, APP_FLASH_END, &tbf, &size);
    if (error != NULL || !tbf.program) {
        kernel_printf("flash at 0x%08x: %s; not loaded\n", (unsigned)address, error != NULL ? error : "no program");
        return -ERROR_INVAL;
    }
    return loader_uses(tbf.start, tbf.end) ? -ERROR_ALREADY : load(&tbf);
}

// Who can live in one place of RAM only comes first: the others go around.
// Safety: `address` is in the flash of apps, which can be read whole.
void loader_load_all(void) {
    unsigned lines = 0;
    for (int fixed = 1; fixed >= 0; fixed--) {
        uint32_t size;
        for (uint32_t address = APP_FLASH_START; address < APP_FLASH_END; address += size) {
            tbf_t tbf;
            const char *error = tbf_parse(address, APP_FLASH_END, &tbf, &size);
            if (error != NULL && !fixed && (size != 0 || *(const uint32_t *)address != 0xffffffff) && lines++ < MOST_LINES) {
                kernel_printf("flash at 0x%08x: %s; %s\n", (unsigned)address, error,
                    size == 0 ? "the list of apps ends here" : "skipped");
            }
            if (size == 0) {
                break;
            }
            if (error != NULL || !tbf.program || fixed != (tbf.fixed_ram != TBF_ANY_ADDRESS)) {
                continue;
            }
            if (tbf.enabled && !loader_uses(tbf.start, tbf.end)) {
                load(&tbf);
            } else if (!tbf.enabled && lines++ < MOST_LINES) {
                kernel_log_app(&tbf);
                kernel_printf(": disabled\n");
            }
        }
    }
    if (lines > MOST_LINES) {
        kernel_printf("flash: %u more programs are damaged or disabled\n", lines - MOST_LINES);
    }
}
