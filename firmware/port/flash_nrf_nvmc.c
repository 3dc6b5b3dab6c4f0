// The nRF52840's flash controller: Product Specification v1.7, 4.3 "NVMC".

#include "arch/cortex_m4/registers.h"
#include "config.h"
#include "core/flash.h"

#define NVMC_READY REGISTER(0x4001e400)
#define NVMC_CONFIG REGISTER(0x4001e504)
#define CONFIG_READ_ONLY (0)
#define CONFIG_WRITE (1)
#define CONFIG_ERASE (2)
#define NVMC_ERASEPAGEPARTIAL REGISTER(0x4001e518)
#define NVMC_ERASEPAGEPARTIALCFG REGISTER(0x4001e51c)
#define NVMC_ICACHECNF REGISTER(0x4001e540)

// Erasing stops the processor. A page is erased when the pieces come to t_ERASEPAGE, 85 ms; between them
// interrupts, and other drivers, have their turn. Unless somebody needs the crystal, the clock is the RC oscillator,
// which may be 8 % fast (5.4.4), so there are some milliseconds more.
#define PIECE_MS (2)
#define PAGE_MS (96)

// Anomaly 246: going to sleep, the chip may now and then draw some 350 uA more.
#define SLEEP_CURRENT REGISTER(0x4007ac84)
#define SLEEP_CURRENT_LOW (2)

// 5.3, "POWER": the converter in place of the linear regulator, which takes half of the current when the chip is awake.
// It needs an inductor outside of the chip; without one, the chip stops here.
#define POWER_DCDCEN REGISTER(0x40000578)

// FICR, INFO.VARIANT: four characters, "AAF0" for build code F0.
#define FICR_VARIANT REGISTER(0x10000104)
#define UICR_APPROTECT REGISTER(0x10001208)
#define APPROTECT_DISABLE REGISTER(0x40000558)

// Anomaly 66: TEMP begins with coefficients that are not this chip's. FICR has them in one piece (4.4.1, TEMP.A0 to T4),
// TEMP in three (6.28): six slopes, six offsets, five ends of pieces.
#define FICR_TEMP(n) REGISTER(0x10000404 + 4 * (n))
#define TEMP_COEFFICIENT(n) REGISTER(0x4000c520 + (n) / 6 * 0x20 + (n) % 6 * 4)
#define COEFFICIENTS (17)

// Chips of build code F and later lock their debug port at each reset, until the firmware says otherwise. It says what
// UICR says, as Nordic's own start-up code does; on earlier chips UICR alone decides.
void board_flash_begin(void) {
    if ((uint8_t)(FICR_VARIANT >> 8) >= 'F') {
        APPROTECT_DISABLE = UICR_APPROTECT;
    }
    SLEEP_CURRENT = SLEEP_CURRENT_LOW;
#if CONFIG_NRF52_DCDC
    POWER_DCDCEN = 1;
#endif
    NVMC_ICACHECNF = 1; // off after reset, and each fetch from flash then waits for it (4.3.8)
    for (unsigned i = 0; i < COEFFICIENTS; i++) {
        TEMP_COEFFICIENT(i) = FICR_TEMP(i);
    }
}

static void wait(void) {
    while (!(NVMC_READY & 1)) {
    }
}

bool board_flash_erase(uint32_t page, unsigned piece) {
    NVMC_ERASEPAGEPARTIALCFG = PIECE_MS;
    NVMC_CONFIG = CONFIG_ERASE;
    NVMC_ERASEPAGEPARTIAL = page;
    wait();
    NVMC_CONFIG = CONFIG_READ_ONLY;
    return piece >= PAGE_MS / PIECE_MS - 1;
}

// Safety: a FlashRange has looked that the address is in it.
void board_flash_write(uint32_t address, uint32_t word) {
    NVMC_CONFIG = CONFIG_WRITE;
    REGISTER(address) = word;
    wait();
    NVMC_CONFIG = CONFIG_READ_ONLY;
}
