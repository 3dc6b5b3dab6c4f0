// Bottom halves: what interrupts have left to be done, in Python.

#include "core/interrupt.h"
#include "kernel/bottom_half.h"
#include "kernel/contain.h"
#include "kernel/log.h"

void bottom_halves_run(void) {
    for (unsigned word = 0; word < INTERRUPT_WORDS; word++) {
        for (uint32_t round = interrupt_pending[word]; round != 0; round &= round - 1) { // each line once
            unsigned line = 32 * word + __builtin_ctz(round), capsule;
            mp_obj_t result, handler = interrupt_begin(line, &capsule);
            if (handler == MP_OBJ_NULL) {
                continue;
            }
            if (!interrupt_end(line, contain_call(capsule, handler, 0, NULL, "the handler of interrupt", line, &result))) {
                kernel_printf("kernel: the handler of interrupt %u keeps failing; the line is off\n", line);
            }
        }
    }
}
