// Interrupts. The top half masks the line and marks it; PendSV then calls the Python handler, and
// the line is unmasked when that returns, so a handler that leaves the cause in place is called
// again, but never from within itself.

#include "arch/cortex_m4/registers.h"
#include "core/context_switch.h"
#include "core/interrupt.h"
#include "kernel/contain.h"
#include "kernel/log.h"
#include "py/runtime.h"

#define FAULTS_UNTIL_OFF (8) // a line whose handler raises so often in a row stays off

volatile uint32_t interrupt_pending[INTERRUPT_WORDS];
mp_obj_t interrupt_handlers[INTERRUPT_LINES];
static uint32_t enabled[INTERRUPT_WORDS];
static uint8_t faults[INTERRUPT_LINES];
static uint8_t owners[INTERRUPT_LINES]; // the capsule that has enabled the line
static uint8_t software_lines;

// Safety: runs above the kernel's priority and may interrupt it anywhere; it touches only the
// pending bits, which the kernel clears with interrupts off, and registers that are written whole.
void irq_entry(void) {
    uint32_t exception;
    __asm volatile ("mrs %0, ipsr" : "=r" (exception));
    unsigned line = exception - 16;
    NVIC_ICER(line / 32) = 1u << line % 32;
    interrupt_pending[line / 32] |= 1u << line % 32;
    context_switch_request();
}

// Interrupts are disabled around a read-modify-write that a top half could interrupt.
static inline void pending_update(unsigned word, uint32_t clear, uint32_t set) {
    __asm volatile ("cpsid i" ::: "memory");
    interrupt_pending[word] = (interrupt_pending[word] & ~clear) | set;
    __asm volatile ("cpsie i" ::: "memory");
}

void interrupt_trigger(unsigned line) {
    pending_update(line / 32, 0, 1u << line % 32);
    context_switch_request();
}

// The top half returns while the line is still asserted, so that it is pending again. If the handler has
// dealt with the cause, that would be one more interrupt for nothing. Lines are levels: one that is
// asserted stays pending whatever is written here.
static void unmask(unsigned line) {
    if (line < INTERRUPT_FIRST_SOFTWARE && (enabled[line / 32] >> line % 32 & 1)) {
        NVIC_ICPR(line / 32) = 1u << line % 32;
        NVIC_ISER(line / 32) = 1u << line % 32;
    }
}

void interrupt_run_bottom_halves(void) {
    for (unsigned word = 0; word < INTERRUPT_WORDS; word++) {
        for (uint32_t round = interrupt_pending[word]; round != 0; round &= round - 1) { // each line once
            unsigned line = 32 * word + __builtin_ctz(round);
            pending_update(word, 1u << line % 32, 0);
            mp_obj_t handler = interrupt_handlers[line];
            if (handler == MP_OBJ_NULL) {
                continue;
            }
            mp_obj_t result;
            if (contain_call(owners[line], handler, 0, NULL, "the handler of interrupt", line, &result)) {
                faults[line] = 0;
            } else if (++faults[line] >= FAULTS_UNTIL_OFF) {
                kernel_printf("kernel: the handler of interrupt %u keeps failing; the line is off\n", line);
                interrupt_handlers[line] = MP_OBJ_NULL;
                continue;
            } else {
                interrupt_trigger(line); // once more: it may serve several, and one has failed
            }
            if (interrupt_handlers[line] != MP_OBJ_NULL) { // it may have been switched off with its capsule
                unmask(line);
            }
        }
    }
}

static void disable(unsigned line) {
    unsigned word = line / 32;
    uint32_t bit = 1u << line % 32;
    enabled[word] &= ~bit;
    if (line < INTERRUPT_FIRST_SOFTWARE) {
        NVIC_ICER(word) = bit;
        NVIC_ICPR(word) = bit;
    }
    pending_update(word, bit, 0);
}

void interrupt_disable_all_of(unsigned capsule) {
    for (unsigned line = 0; line < INTERRUPT_LINES; line++) {
        if (interrupt_handlers[line] != MP_OBJ_NULL && owners[line] == capsule) {
            interrupt_handlers[line] = MP_OBJ_NULL;
            owners[line] = CONTAIN_KERNEL;
            disable(line);
        }
    }
}

// -- The Python type: the power over one line ---------------------------------

typedef struct {
    mp_obj_base_t base;
    uint32_t line;
} interrupt_line_t;

static void interrupt_line_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    interrupt_line_t *self = MP_OBJ_TO_PTR(self_in);
    mp_printf(print, "<InterruptLine %u>", self->line);
}

// line.enable(handler): call handler() after each interrupt.
static mp_obj_t interrupt_line_enable(mp_obj_t self_in, mp_obj_t handler) {
    interrupt_line_t *self = MP_OBJ_TO_PTR(self_in);
    if (!mp_obj_is_callable(handler)) {
        mp_raise_TypeError(MP_ERROR_TEXT("a function is needed"));
    }
    interrupt_handlers[self->line] = handler;
    if (owners[self->line] == CONTAIN_KERNEL) { // it stays the line of who had it first
        owners[self->line] = contain_running;
    }
    enabled[self->line / 32] |= 1u << self->line % 32;
    faults[self->line] = 0;
    unmask(self->line);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(interrupt_line_enable_obj, interrupt_line_enable);

// line.disable(): no more calls, and a pending one is forgotten.
static mp_obj_t interrupt_line_disable(mp_obj_t self_in) {
    interrupt_line_t *self = MP_OBJ_TO_PTR(self_in);
    disable(self->line);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(interrupt_line_disable_obj, interrupt_line_disable);

// line.trigger(): call the handler soon, from the kernel's loop and not from here.
static mp_obj_t interrupt_line_trigger(mp_obj_t self_in) {
    interrupt_line_t *self = MP_OBJ_TO_PTR(self_in);
    interrupt_trigger(self->line);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(interrupt_line_trigger_obj, interrupt_line_trigger);

static const mp_rom_map_elem_t interrupt_line_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_enable), MP_ROM_PTR(&interrupt_line_enable_obj) },
    { MP_ROM_QSTR(MP_QSTR_disable), MP_ROM_PTR(&interrupt_line_disable_obj) },
    { MP_ROM_QSTR(MP_QSTR_trigger), MP_ROM_PTR(&interrupt_line_trigger_obj) },
};
static MP_DEFINE_CONST_DICT(interrupt_line_locals, interrupt_line_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    interrupt_line_type, MP_QSTR_InterruptLine, MP_TYPE_FLAG_NONE,
    print, interrupt_line_print,
    locals_dict, &interrupt_line_locals);

mp_obj_t interrupt_line_new(unsigned line) {
    interrupt_line_t *self = mp_obj_malloc(interrupt_line_t, &interrupt_line_type);
    self->line = line;
    return MP_OBJ_FROM_PTR(self);
}

unsigned interrupt_reserve_software_line(mp_obj_t handler) {
    if (INTERRUPT_FIRST_SOFTWARE + software_lines >= INTERRUPT_LINES) {
        mp_raise_ValueError(MP_ERROR_TEXT("no software interrupt line left"));
    }
    unsigned line = INTERRUPT_FIRST_SOFTWARE + software_lines++;
    interrupt_handlers[line] = handler;
    return line;
}

mp_obj_t interrupt_software_line_new(void) {
    return interrupt_line_new(interrupt_reserve_software_line(MP_OBJ_NULL));
}

unsigned interrupt_software_line(mp_obj_t line_in) {
    interrupt_line_t *line = MP_OBJ_TO_PTR(line_in);
    if (!mp_obj_is_type(line_in, &interrupt_line_type) || line->line < INTERRUPT_FIRST_SOFTWARE) {
        mp_raise_TypeError(MP_ERROR_TEXT("a software InterruptLine is needed"));
    }
    return line->line;
}
