// Included by extmod/modtime.c. Time begins at 1970 when the board starts, until somebody tells what it is (syscall.set_time).

#include "shared/timeutils/timeutils.h"

// sleep(seconds): upstream's drops what is less than a millisecond, and what is more than 32 bits of them. inf is for ever; what is
// below zero is over.
static mp_obj_t time_sleep(mp_obj_t seconds) {
    const mp_float_t most = 0x40000000;
    mp_float_t milliseconds = 1000 * mp_obj_get_float(seconds);
    if (milliseconds != milliseconds) {
        mp_raise_ValueError(MP_ERROR_TEXT("a number of seconds is wanted"));
    }
    for (; milliseconds > most; milliseconds -= most) {
        mp_hal_delay_ms(most);
    }
    mp_uint_t whole = milliseconds > 0 ? (mp_uint_t)milliseconds : 0;
    mp_hal_delay_ms(whole + (whole < milliseconds));
    return mp_const_none;
}
#define time_sleep(seconds) __attribute__((unused)) upstream_time_sleep(seconds)

static mp_obj_t mp_time_localtime_get(void) {
    timeutils_struct_time_t time;
    timeutils_seconds_since_epoch_to_struct_time(mp_hal_time_ns() / 1000000000, &time);
    mp_obj_t items[8];
    const mp_uint_t fields[8] = {
        time.tm_year, time.tm_mon, time.tm_mday, time.tm_hour, time.tm_min, time.tm_sec, time.tm_wday, time.tm_yday,
    };
    for (unsigned i = 0; i < MP_ARRAY_SIZE(items); i++) {
        items[i] = MP_OBJ_NEW_SMALL_INT(fields[i]);
    }
    return mp_obj_new_tuple(MP_ARRAY_SIZE(items), items);
}

static mp_obj_t mp_time_time_get(void) {
    return mp_obj_new_int_from_ull(mp_hal_time_ns() / 1000000000);
}
