// MicroPython's hooks into the hardware: python_process/hal.c, and modes.c for printing.

#include <stdint.h>

uint64_t mp_hal_time_ns(void);

void mp_hal_set_interrupt_char(int c);

static inline uint32_t mp_hal_ticks_cpu(void) {
    return 0;
}
