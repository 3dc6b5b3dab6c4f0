// The border between the kernel's C and its Python: who serves which driver number, and calls into
// capsules that cannot fail upwards.

#ifndef ADDER_KERNEL_CAPSULE_H
#define ADDER_KERNEL_CAPSULE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/process.h"
#include "py/obj.h"

// The shape of a driver's grant; offsets are in words.
typedef struct {
    uint32_t number;
    uint8_t upcalls, read_write, read_only, readable; // how many there are of each
    uint8_t read_write_at, read_only_at, readable_at, fields_at;
    uint8_t words; // of the whole grant
    uint8_t capsule; // for containment
    uint8_t takes_words : 1; // command is compiled to machine words: an argument is not kept as an object
    uint8_t answers : 7;     // places for upcalls that answer commands, before the fields
    mp_call_fun_t entry; // what to call, or NULL while nobody serves the number
    mp_obj_t function;   // first argument of `entry`
    mp_obj_t self;
    mp_obj_dict_t *globals;
    mp_obj_t layout;
    // A core service that answers some commands itself: true if it did.
    bool (*core_command)(process_t *process, exception_frame_t *frame);
} driver_t;

extern driver_t drivers[MAX_DRIVERS];
extern uint8_t driver_count;
extern uint8_t driver_slots[128];

static inline unsigned driver_hash(uint32_t number) {
    return (number ^ number >> 12) % 128;
}

// The driver with this number, or NULL. Open addressing: a slot holds an index + 1, or 0.
static inline driver_t *driver_find(uint32_t number) {
    for (unsigned i = driver_hash(number); driver_slots[i] != 0; i = (i + 1) % 128) {
        driver_t *driver = &drivers[driver_slots[i] - 1];
        if (driver->number == number) {
            return driver;
        }
    }
    return NULL;
}

// Reserve a driver number; raises if it is taken.
unsigned driver_add(uint32_t number, mp_obj_t layout);

// Let `command`, a bound method in Python of what this capsule is made of, serve the driver. False if it is none.
bool driver_serve(unsigned driver, mp_obj_t command, unsigned capsule);

// Call the driver's command and put the outcome into the frame.
void capsule_command(driver_t *driver, process_t *process, exception_frame_t *frame);

// The values a command can return (kernel.success and its kin).
extern const mp_obj_type_t command_return_type;

// The object to which a method is bound; NULL if it is no bound method.
const void *bound_method_self(mp_obj_t method);

void capsule_collect_roots(void);

#endif
