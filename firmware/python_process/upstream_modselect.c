// extmod/modselect.c, compiled unchanged except for how time passes in a poll: upcalls run in the shortest one, and none is
// shorter than it was to be; and for what `register` leaves behind when it raises.

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

static mp_obj_t poll_register(size_t n_args, const mp_obj_t *args);
#define poll_register(n_args, args) upstream_poll_register(n_args, args) // but its object, which is Python's, is of ours

#include "extmod/modselect.c"

#undef poll_register

// Upstream's puts the object into the map before it looks whether it is a stream.
static mp_obj_t poll_register(size_t n_args, const mp_obj_t *args) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        upstream_poll_register(n_args, args);
        nlr_pop();
        return mp_const_none;
    }
    mp_map_t *map = &((mp_obj_poll_t *)MP_OBJ_TO_PTR(args[0]))->poll_set.map;
    mp_map_elem_t *known = mp_map_lookup(map, mp_obj_id(args[1]), MP_MAP_LOOKUP);
    if (known != NULL && known->value == MP_OBJ_NULL) {
        mp_map_lookup(map, mp_obj_id(args[1]), MP_MAP_LOOKUP_REMOVE_IF_FOUND);
    }
    nlr_jump(nlr.ret_val);
}
