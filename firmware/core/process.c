// Processes: their records.

#include "core/process.h"

// In flash. Its state is PROCESS_UNUSED, its id 0.
static const uint32_t nobody[offsetof(process_t, tbf) / sizeof(uint32_t)];
process_t *const process_nobody = (process_t *)nobody;
process_t *processes[CONFIG_MAX_PROCESSES] = { [0 ... CONFIG_MAX_PROCESSES - 1] = (process_t *)nobody };
