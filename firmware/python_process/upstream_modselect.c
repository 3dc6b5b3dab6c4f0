// extmod/modselect.c, compiled unchanged except for how time passes in a poll: upcalls run in the shortest one, and none is
// shorter than it was to be; for streams other than the console, which are asked again and again; and for what `register` leaves
// behind when it raises.

#include "py/mphal.h"
#include "py/runtime.h"
#include "python_process/python_process.h"
#include "port/upstream_mention.h"

static bool is_asked_again(const mp_map_t *polled);

// The beginning of a poll, in milliseconds.
static uint32_t poll_begin(const mp_map_t *polled) {
    python_process_events(); // a handler may poll, too
    python_process()->asks_again = is_asked_again(polled);
    return python_process_ms_up();
}

static void poll_wait(const mp_map_t *polled, uint32_t milliseconds) {
    uint32_t longest = is_asked_again(polled) ? ASK_AGAIN_MS : UINT32_MAX;
    if (MIN(milliseconds, longest) == UINT32_MAX) {
        mp_event_wait_indefinite();
    } else {
        mp_event_wait_ms(MIN(milliseconds, longest));
    }
}

// The time, but no earlier than the beginning, which was rounded up.
static uint32_t poll_now(uint32_t begin) {
    uint32_t now = mp_hal_ticks_ms();
    return (int32_t)(now - begin) < 0 ? begin : now;
}

#define mp_hal_ticks_ms() MENTION
#define UNUSED poll_begin(&poll_set->map)
#define USE poll_now(start_ticks)
#define mp_event_wait_ms(milliseconds) poll_wait(&poll_set->map, milliseconds)
#define mp_event_wait_indefinite() poll_wait(&poll_set->map, UINT32_MAX)

static mp_obj_t poll_register(size_t n_args, const mp_obj_t *args);
#define poll_register(n_args, args) upstream_poll_register(n_args, args) // but its object, which is Python's, is of ours

#include "extmod/modselect.c"

#undef poll_register

extern const struct _mp_dummy_t mp_sys_stdin_obj;

// What comes of the console wakes the process. Of another stream, an object in Python as a rule, nobody says when it has changed.
static bool is_asked_again(const mp_map_t *polled) {
    for (size_t i = 0; i < polled->alloc; i++) {
        if (mp_map_slot_is_filled(polled, i)) {
            poll_obj_t *one = MP_OBJ_TO_PTR(polled->table[i].value);
            if (one->ioctl != mp_get_stream(MP_OBJ_FROM_PTR(&mp_sys_stdin_obj))->ioctl) {
                return true;
            }
        }
    }
    return false;
}

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
