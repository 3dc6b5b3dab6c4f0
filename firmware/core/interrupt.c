// Interrupts. The top half masks the line and marks it; PendSV then calls the Python handler (kernel/bottom_half.c), and
// the line is unmasked when that returns, so a handler that leaves the cause in place is called
// again, but never from within itself.

#include "arch/cortex_m4/registers.h"
#include "core/context_switch.h"
#include "core/interrupt.h"
#include "core/running.h"
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

void interrupt_unmask_all(void) {
    for (unsigned word = 0; word < INTERRUPT_FIRST_SOFTWARE / 32; word++) {
        NVIC_ICPR(word) = enabled[word];
        NVIC_ISER(word) = enabled[word];
    }
}

mp_obj_t interrupt_begin(unsigned line, unsigned *capsule) {
    pending_update(line / 32, 1u << line % 32, 0);
    *capsule = owners[line];
    return interrupt_handlers[line];
}

bool interrupt_end(unsigned line, bool good) {
    if (good) {
        faults[line] = 0;
    } else if (++faults[line] >= FAULTS_UNTIL_OFF) {
        interrupt_handlers[line] = MP_OBJ_NULL;
        return false;
    } else {
        interrupt_trigger(line); // once more: it may serve several, and one has failed
    }
    if (interrupt_handlers[line] != MP_OBJ_NULL) { // it may have been switched off with its capsule
        unmask(line);
    }
    return true;
}

void interrupt_enable(unsigned line, mp_obj_t handler) {
    interrupt_handlers[line] = handler;
    if (owners[line] == CONTAIN_KERNEL) { // it stays the line of the capsule that had it first
        owners[line] = contain_running;
    }
    enabled[line / 32] |= 1u << line % 32;
    faults[line] = 0;
    unmask(line);
}

void interrupt_disable(unsigned line) {
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
            interrupt_disable(line);
        }
    }
}

unsigned interrupt_reserve(mp_obj_t handler) {
    if (INTERRUPT_FIRST_SOFTWARE + software_lines >= INTERRUPT_LINES) {
        mp_raise_ValueError(MP_ERROR_TEXT("no software interrupt line left"));
    }
    unsigned line = INTERRUPT_FIRST_SOFTWARE + software_lines++;
    interrupt_handlers[line] = handler;
    return line;
}
