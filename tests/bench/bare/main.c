// The interpreter without a kernel: no protection, no preemption, system calls answered on the spot.
//
// For measuring only. It runs the same TBF file as Adder does, with the same C under the interpreter
// (firmware/python_process), so the difference is what protection costs. With ADDER_BARE the
// interpreter's state has a fixed address, without it it is reached through r9.

#include <stdint.h>
#include <string.h>

#include "core/wired.h"
#include "kernel/contain.h"
#include "kernel/log.h"
#include "port/bounds.h"
#include "py/gc.h"
#include "py/mpstate.h"
#include "py/runtime.h"
#include "python_process/python_process.h"
#include "shared/runtime/gchelper.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define UART_DATA REGISTER(0x40004000)    // Arm DDI 0479, table 4-11
#define UART_STATE REGISTER(0x40004004)
#define UART_CTRL REGISTER(0x40004008)
#define UART_BAUDDIV REGISTER(0x40004010)
#define TIMER_LOAD REGISTER(0x40002000)   // Arm DDI 0479, table 4-13
#define TIMER_VALUE REGISTER(0x40002004)
#define TIMER_CONTROL REGISTER(0x40002008)
#define CPACR REGISTER(0xe000ed88)
#define TIMER_HZ (25000000)
#define PROGRAM_FLASH (0x21000000)
#define STACK (16384)
#define RAM (172032)

void python_process_main(const python_program_t *program, uint8_t *ram);
void python_process_print(const char *text, size_t length);

extern uint8_t _data_flash, _data_start, _data_end, _bss_start, _bss_end;

// The linker script puts these, with the state between them if it is not a pointer, one after the other.
__attribute__((section(".bss.bare_stack"), aligned(32))) static uint8_t stack[STACK];
__attribute__((section(".bss.bare_rest"), aligned(8), used)) static uint8_t rest[RAM - STACK];

const wired_t _wired = { .magic = WIRED_MAGIC }; // there are no modules of a kernel
mp_state_ctx_t kernel_python_state; // a name that upstream_runtime.c mentions

void bounds_check_search(size_t places, size_t length) { // that upstream_objstr.c calls
    (void)places;
    (void)length;
}

__attribute__((noreturn)) static void stop(const char *why);

void contain_no_memory(void) { // that upstream_runtime.c calls in a kernel
    stop("bare: no kernel\n");
}

static void put(char c) {
    while (UART_STATE & 1) {
    }
    UART_DATA = c;
}

static void say(const char *text) {
    while (*text) {
        put(*text++);
    }
}

__attribute__((noreturn)) static void stop(const char *why) {
    say(why);
    for (;;) {
        __asm volatile ("wfi");
    }
}

__attribute__((used)) static void system_call(uint32_t *frame) {
    static const char *allowed;
    uint32_t number = ((const uint8_t *)frame[6])[-2];
    uint32_t a = frame[0], b = frame[1];
    switch (number) {
        case 0: // yield: all that is waited for has happened
            break;
        case 2: // command
            frame[0] = 129;
            if (a == 1) {
                for (uint32_t i = 0; i < frame[2]; i++) {
                    if (allowed[i] != '\r') {
                        put(allowed[i]);
                    }
                }
                frame[0] = 128;
            } else if (a == 0 && b == 1) {
                frame[1] = TIMER_HZ;
            } else {
                frame[1] = ~TIMER_VALUE;
            }
            break;
        case 4: // allow read-only
            allowed = (const char *)frame[2];
            frame[0] = 130;
            break;
        case 5: // memop
            frame[0] = 129;
            frame[1] = PROGRAM_FLASH;
            break;
        case 6:
            stop("bare: the end\n");
        case 255:
            stop("bare: crash\n");
        default:
            frame[0] = 130;
    }
}

__attribute__((naked)) static void SVC_Handler(void) {
    __asm volatile ("mrs r0, msp\n b system_call");
}

static void fault(void) {
    stop("bare: fault\n");
}

__attribute__((noreturn, used)) static void begin(void) {
    memcpy(&_data_start, &_data_flash, &_data_end - &_data_start);
    CPACR = 15 << 20;
    __asm volatile ("dsb\n isb");
    UART_BAUDDIV = 16;
    UART_CTRL = 1;
    TIMER_LOAD = 0xffffffff;
    TIMER_CONTROL = 0x82; // enable, 32 bits
    #ifndef ADDER_BARE
    mp_state_ctx_register = (mp_state_ctx_t *)rest;
    #endif
    uint32_t header = *(const uint16_t *)(PROGRAM_FLASH + 2);
    python_process_main((const python_program_t *)(PROGRAM_FLASH + header), stack);
    __builtin_unreachable();
}

__attribute__((naked)) void Reset_Handler(void) {
    __asm volatile ("ldr r0, =%0\n mov sp, r0\n b begin" :: "i" (stack + STACK));
}

__attribute__((section(".vectors"), used)) static void (*const vectors[])(void) = {
    (void (*)(void))(stack + STACK), Reset_Handler, fault, fault, fault, fault, fault, 0, 0, 0, 0, SVC_Handler, fault, 0, fault, fault,
};

// -- What firmware/port/modes.c answers on Adder ------------------------------

void gc_collect(void) {
    gc_collect_start();
    gc_helper_collect_regs_and_stack();
    gc_collect_end();
}

mp_uint_t mp_hal_stdout_tx_strn(const char *text, size_t length) {
    python_process_print(text, length);
    return length;
}

void nlr_jump_fail(void *value) {
    (void)value;
    stop("bare: lost\n");
}

void __fatal_error(const char *message) {
    stop(message);
}
