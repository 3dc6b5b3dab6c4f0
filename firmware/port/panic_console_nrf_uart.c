// The console of a panic on nRF chips: the UART without DMA, polled, no interrupts, no Python.
// Registers: nRF52840 Product Specification v1.7, "UART". It shares its block with UARTE (6.34), whose ENABLE has value 8.

#include "arch/cortex_m4/registers.h"
#include "kernel/log.h"
#include "memory_map.h"

#define UART_STARTTX REGISTER(PANIC_CONSOLE_BASE + 0x008)
#define UART_TXDRDY REGISTER(PANIC_CONSOLE_BASE + 0x11c)
#define UART_ENABLE REGISTER(PANIC_CONSOLE_BASE + 0x500)
#define ENABLE_UART (4)
#define UART_PSEL_TXD REGISTER(PANIC_CONSOLE_BASE + 0x50c)
#define UART_TXD REGISTER(PANIC_CONSOLE_BASE + 0x51c)
#define UART_BAUDRATE REGISTER(PANIC_CONSOLE_BASE + 0x524)
#define UART_CONFIG REGISTER(PANIC_CONSOLE_BASE + 0x56c)
#define BAUDRATE_115200 (0x01d7e000)

// 5.4 "CLOCK": a UART needs the crystal, which takes 0.4 ms to start; until then the RC oscillator is near enough.
#define CLOCK_HFCLKSTART REGISTER(0x40000000)

// 6.9 "GPIO"; P1 follows P0 at a distance of 0x300.
#define PIN_OUTSET(pin) REGISTER(0x50000508 + (pin) / 32 * 0x300)
#define PIN_CNF(pin) REGISTER(0x50000700 + (pin) / 32 * 0x300 + (pin) % 32 * 4)
#define PIN_CNF_OUTPUT (3) // and the input buffer off

void board_panic_putc(uint8_t c) {
    if (UART_ENABLE != ENABLE_UART) {
        CLOCK_HFCLKSTART = 1;
        UART_ENABLE = 0;
        UART_CONFIG = 0; // no flow control: nobody may be there
        PIN_OUTSET(PANIC_CONSOLE_TX_PIN) = 1u << PANIC_CONSOLE_TX_PIN % 32;
        PIN_CNF(PANIC_CONSOLE_TX_PIN) = PIN_CNF_OUTPUT;
        UART_PSEL_TXD = PANIC_CONSOLE_TX_PIN;
        UART_BAUDRATE = BAUDRATE_115200;
        UART_ENABLE = ENABLE_UART;
        UART_STARTTX = 1;
    }
    UART_TXDRDY = 0;
    UART_TXD = c;
    while (!UART_TXDRDY) {
    }
}
