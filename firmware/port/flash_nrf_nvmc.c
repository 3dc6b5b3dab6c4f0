// The nRF52840's flash controller: Product Specification v1.7, 4.3 "NVMC".

#include "arch/cortex_m4/registers.h"
#include "core/flash.h"

#define NVMC_READY REGISTER(0x4001e400)
#define NVMC_CONFIG REGISTER(0x4001e504)
#define CONFIG_READ_ONLY (0)
#define CONFIG_WRITE (1)
#define CONFIG_ERASE (2)
#define NVMC_ERASEPAGE REGISTER(0x4001e508)

static void wait(void) {
    while (!(NVMC_READY & 1)) {
    }
}

void board_flash_erase(uint32_t page) {
    NVMC_CONFIG = CONFIG_ERASE;
    NVMC_ERASEPAGE = page;
    wait();
    NVMC_CONFIG = CONFIG_READ_ONLY;
}

void board_flash_write(uint32_t address, uint32_t word) {
    NVMC_CONFIG = CONFIG_WRITE;
    REGISTER(address) = word;
    wait();
    NVMC_CONFIG = CONFIG_READ_ONLY;
}
