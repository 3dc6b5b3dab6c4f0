// Bottom halves: what interrupts have left to be done, in Python.

#include "core/interrupt.h"
#include "kernel/bottom_half.h"
#include "kernel/contain.h"
#include "kernel/log.h"
#include "py/objtuple.h"

// A handler that is a tuple, (handler, field, value), is what line.enable_acknowledged() was given.
// Safety: the field is a Field, and writing to it did not raise when the line was enabled; it does not change.
mp_obj_t bottom_half_acknowledge(mp_obj_t tuple) {
    const mp_obj_t *items = ((mp_obj_tuple_t *)MP_OBJ_TO_PTR(tuple))->items;
    const mp_obj_base_t *field = MP_OBJ_TO_PTR(items[1]);
    MP_OBJ_TYPE_GET_SLOT(field->type, call)(items[1], 1, 0, &items[2]);
    return items[0];
}

void bottom_halves_run(void) {
    for (unsigned word = 0; word < INTERRUPT_WORDS; word++) {
        for (uint32_t round = interrupt_pending[word]; round != 0; round &= round - 1) { // each line once
            unsigned line = 32 * word + __builtin_ctz(round), capsule;
            mp_obj_t result, handler = interrupt_begin(line, &capsule);
            if (handler == MP_OBJ_NULL) {
                continue;
            }
            if (mp_obj_is_type(handler, &mp_type_tuple)) {
                handler = bottom_half_acknowledge(handler);
            }
            if (!interrupt_end(line, contain_call(capsule, handler, 0, NULL, "the handler of interrupt", line, &result))) {
                kernel_printf("kernel: the handler of interrupt %u keeps failing; the line is off\n", line);
            }
        }
    }
}
