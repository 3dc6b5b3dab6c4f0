// The loader. Programs form a list without pointers: each header says where the next one begins, and
// the first thing that is no header ends it.

#include "kernel/loader.h"
#include "kernel/log.h"
#include "kernel/process.h"
#include "memory_map.h"

void loader_load_all(void) {
    uint32_t address = APP_FLASH_START;
    while (address < APP_FLASH_END) {
        tbf_t tbf;
        uint32_t size;
        const char *error = tbf_parse(address, APP_FLASH_END, &tbf, &size);
        if (size == 0) {
            if (*(const uint32_t *)address != 0xffffffff) {
                kernel_printf("flash at 0x%08x: %s; the list of apps ends here\n", (unsigned)address, error);
            }
            return;
        }
        if (error != NULL) {
            kernel_printf("flash at 0x%08x: %s; skipped\n", (unsigned)address, error);
        } else if (tbf.program && !tbf.enabled) {
            kernel_log_app(&tbf);
            kernel_printf(": disabled\n");
        } else if (tbf.program) {
            process_t *process = process_create(&tbf);
            if (process != NULL) {
                kernel_log_app(&tbf);
                kernel_printf(": slot %u, flash 0x%08x-0x%08x, RAM 0x%08x-0x%08x\n", process->slot, (unsigned)tbf.start,
                    (unsigned)tbf.end, (unsigned)process->ram_start, (unsigned)process->ram_end);
            }
        }
        address += size;
    }
}
