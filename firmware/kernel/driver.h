// Who serves which driver number.

#ifndef ADDER_KERNEL_DRIVER_H
#define ADDER_KERNEL_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/grant.h"
#include "core/process.h"
#include "py/obj.h"

typedef struct {
    grant_shape_t shape; // of its record in a process
    uint32_t number;
    mp_call_fun_t entry; // what to call, or NULL while nobody serves the number
    mp_obj_t function;   // first argument of `entry`
    mp_obj_t self;
    mp_obj_dict_t *globals;
    // A core service that answers some commands itself: true if it did.
    bool (*core_command)(process_t *process, exception_frame_t *frame, unsigned driver);
} driver_t;

extern driver_t drivers[MAX_DRIVERS];
extern uint8_t driver_count;
extern uint8_t driver_slots[128];

static inline unsigned driver_hash(uint32_t number) {
    return (number ^ number >> 12) % 128;
}

// The index of the driver with this number, or -1. Open addressing: a slot holds an index + 1, or 0.
static inline int driver_index(uint32_t number) {
    for (unsigned i = driver_hash(number); driver_slots[i] != 0; i = (i + 1) % 128) {
        if (drivers[driver_slots[i] - 1].number == number) {
            return driver_slots[i] - 1;
        }
    }
    return -1;
}

// The driver with this number, or NULL.
static inline driver_t *driver_find(uint32_t number) {
    for (unsigned i = driver_hash(number); driver_slots[i] != 0; i = (i + 1) % 128) {
        driver_t *driver = &drivers[driver_slots[i] - 1];
        if (driver->number == number) {
            return driver;
        }
    }
    return NULL;
}

// The index of the driver whose shape this is.
static inline unsigned driver_of(const grant_shape_t *shape) {
    return (const driver_t *)shape - drivers;
}
_Static_assert(offsetof(driver_t, shape) == 0, "driver_of() takes one for the other");

// Reserve a driver number; raises if it is taken.
unsigned driver_add(uint32_t number, const grant_shape_t *shape);

// Let `command`, a bound method in Python of what this capsule is made of, serve the driver. False if it is none.
bool driver_serve(unsigned driver, mp_obj_t command, unsigned capsule);

// A bound method that its maker has handed in, to be called back (kernel/contain.c).
extern const mp_obj_type_t callback_type;

// As in py/objboundmeth.c, which keeps its type to itself.
typedef struct {
    mp_obj_base_t base;
    mp_obj_t method, self;
} bound_method_t;

// The object to which a method is bound; NULL if it is not a bound method.
const void *bound_method_self(mp_obj_t method);

// Its function; MP_OBJ_NULL if it is no such method, or its function is not written in Python.
mp_obj_t bound_method_function(mp_obj_t method);

// Call a function or method. One of machine code is entered directly; it may leave its
// module's globals set.
#define METHOD_ARGS (3)
mp_obj_t method_call(mp_obj_t method, size_t n_args, const mp_obj_t *args);

void driver_collect_roots(void);

#endif
