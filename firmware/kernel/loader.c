// The loader. Programs form a list without pointers: each header says where the next one begins, also one
// that is damaged in any other place; the first thing that says no such thing ends the list.

#include "kernel/loader.h"
#include "kernel/log.h"
#include "kernel/process.h"
#include "kernel/tbf.h"
#include "memory_map.h"

static void load(const tbf_t *tbf) {
    if (!tbf->enabled) {
        kernel_log_app(tbf);
        kernel_printf(": disabled\n");
        return;
    }
    process_t *process = process_create(tbf);
    if (process != NULL) {
        kernel_log_app(tbf);
        kernel_printf(": slot %u, flash 0x%08x-0x%08x, RAM 0x%08x-0x%08x\n", process->slot, (unsigned)tbf->start,
            (unsigned)tbf->end, (unsigned)process->ram_start, (unsigned)process->ram_end);
    }
}

// Who can live in one place of RAM only comes first: the others go around.
// Safety: `address` is in the flash of apps, which can be read whole.
void loader_load_all(void) {
    for (int fixed = 1; fixed >= 0; fixed--) {
        uint32_t size;
        for (uint32_t address = APP_FLASH_START; address < APP_FLASH_END; address += size) {
            tbf_t tbf;
            const char *error = tbf_parse(address, APP_FLASH_END, &tbf, &size);
            if (error != NULL && !fixed && (size != 0 || *(const uint32_t *)address != 0xffffffff)) {
                kernel_printf("flash at 0x%08x: %s; %s\n", (unsigned)address, error,
                    size == 0 ? "the list of apps ends here" : "skipped");
            }
            if (size == 0) {
                break;
            }
            if (error == NULL && tbf.program && fixed == (tbf.fixed_ram != TBF_ANY_ADDRESS)) {
                load(&tbf);
            }
        }
    }
}
