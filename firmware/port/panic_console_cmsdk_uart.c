// The console of a panic on boards with a CMSDK UART: polled, no interrupts, no Python.
// Registers: Arm CMSDK TRM (DDI 0479), table 4-11.

#include "arch/cortex_m4/registers.h"
#include "kernel/log.h"
#include "memory_map.h"

#define UART_DATA REGISTER(PANIC_CONSOLE_BASE + 0x0)
#define UART_STATE REGISTER(PANIC_CONSOLE_BASE + 0x4)
#define STATE_TX_FULL (1u << 0)
#define UART_CTRL REGISTER(PANIC_CONSOLE_BASE + 0x8)
#define CTRL_TX_ENABLE (1u << 0)
#define UART_BAUDDIV REGISTER(PANIC_CONSOLE_BASE + 0x10)

void board_panic_putc(uint8_t c) {
    if (!(UART_CTRL & CTRL_TX_ENABLE)) { // nobody has set it up yet
        UART_BAUDDIV = BOARD_CPU_HZ / 115200;
        UART_CTRL = CTRL_TX_ENABLE;
    }
    while (UART_STATE & STATE_TX_FULL) {
    }
    UART_DATA = c;
}
