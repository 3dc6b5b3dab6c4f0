// Processes: their records.

#include "core/process.h"

process_t processes[CONFIG_MAX_PROCESSES];
