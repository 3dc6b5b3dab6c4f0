// extmod/modselect.c, compiled unchanged except for how time passes in a poll: upcalls run in the shortest one, and none is
// shorter than it was to be.

#include "py/mphal.h"
#include "python_process/python_process.h"
#include "port/upstream_mention.h"

// The beginning of a poll, in milliseconds.
static uint32_t poll_begin(void) {
    python_process_events();
    return python_process_ms_up();
}

// The time, but no earlier than the beginning, which was rounded up.
static uint32_t poll_now(uint32_t begin) {
    uint32_t now = mp_hal_ticks_ms();
    return (int32_t)(now - begin) < 0 ? begin : now;
}

#define mp_hal_ticks_ms() MENTION
#define UNUSED poll_begin()
#define USE poll_now(start_ticks)

#include "extmod/modselect.c"
