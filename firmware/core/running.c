// Whose code runs: see running.h.

#include "core/process.h"
#include "core/running.h"

mp_state_ctx_t kernel_python_state;
process_t *current_process;
volatile uint32_t timeslice_expired;
uint8_t contain_running;
bool contain_wiring;
bool kernel_sealed;
