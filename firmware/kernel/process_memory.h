// Processes: their memory.

#ifndef ADDER_KERNEL_PROCESS_MEMORY_H
#define ADDER_KERNEL_PROCESS_MEMORY_H

#include "core/process.h"

// Move the end of the memory that the process may use. False if it would meet the grants or
// uncover an allowed buffer.
bool process_set_break(process_t *process, uint32_t address);

// Memory at [start, start + length) becomes accessible to the process, unless the MPU can't; what was shared longest
// may have to make room, until it is touched.
typedef enum { SHARE_IMPOSSIBLE, SHARE_NEW, SHARE_THERE } share_t;
share_t process_share(process_t *process, uint32_t start, uint32_t length);


// What process.c needs of it: RAM for a program, whose new record is at its end; and the regions of a process that begins.
// NULL if there is none.
process_t *process_memory_find(const tbf_t *tbf);

// How many bytes of RAM no process has, and how many of them lie in one piece at most.
uint32_t process_memory_free(uint32_t *largest);
void process_memory_begin(process_t *process);

// Nobody has access to the process's memory, nor it to others'.
void process_memory_unshare(process_t *process);

// Let the process wait until its memory has been cleared from here on, a piece at a time: others' interrupts are
// served in between.
void process_memory_clear_later(process_t *process, uint32_t start);

// Reserves the interrupt line on which memory is cleared. `begun` is called for a process that was starting.
void process_memory_init(void (*begun)(process_t *process));

#endif
