// Flash memory: what a board does to erase and write it.

#ifndef ADDER_CORE_FLASH_H
#define ADDER_CORE_FLASH_H

#include <stdbool.h>
#include <stdint.h>

// Supplied by the board's kind of flash. Addresses are checked by the caller; both return when it is done.
// Erasing may be done in pieces, 0, 1, 2 …, so that none takes long; true after the last, when the page is all ones.
// A word that is written keeps a bit at 0 that is 0.
bool board_flash_erase(uint32_t page, unsigned piece);
void board_flash_write(uint32_t address, uint32_t word);

// Supplied likewise: what the flash's configuration wants done after each reset.
void board_flash_begin(void);

#endif
