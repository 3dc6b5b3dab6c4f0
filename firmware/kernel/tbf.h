// Tock Binary Format, version 2: reading a program's header.

#ifndef ADDER_KERNEL_TBF_H
#define ADDER_KERNEL_TBF_H

#include <stdbool.h>
#include <stdint.h>

#include "core/program.h"

// Read the header at `address`. Returns NULL if good, else what is wrong with it.
// `*size` is set to its total size if version and size are possible, whatever else is wrong, so that a
// damaged program is lost alone; else to 0: the list ends there. (Tock trusts the first eight bytes, too.)
const char *tbf_parse(uint32_t address, uint32_t limit, tbf_t *tbf, uint32_t *size);

// May the program use this driver at all; may it give it this command?
bool tbf_permits_driver(const tbf_t *tbf, uint32_t driver);
bool tbf_permits_command(const tbf_t *tbf, uint32_t driver, uint32_t command);

#endif
