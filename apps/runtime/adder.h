// What a C app may use: the system calls, and a small library on top of them.
//
// The interface to the kernel is Tock 2.x's: seven system-call classes and the
// userspace-readable allow, each one `svc #class` with arguments in r0..r3 and
// results in r0..r3. Nothing here keeps state, so apps stay position independent
// and small. There is no C library: what an app needs of it is declared below.

#ifndef ADDER_H
#define ADDER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---------------------------------------------------------------- constants

// System-call classes: the number in the `svc` instruction.
#define CLASS_YIELD 0
#define CLASS_SUBSCRIBE 1
#define CLASS_COMMAND 2
#define CLASS_ALLOW_RW 3
#define CLASS_ALLOW_RO 4
#define CLASS_MEMOP 5
#define CLASS_EXIT 6
#define CLASS_ALLOW_READABLE 7

// Return variants: r0 after any call but yield.
enum {
    FAILURE = 0,
    FAILURE_U32 = 1,
    FAILURE_2_U32 = 2,
    FAILURE_U64 = 3,
    SUCCESS = 128,
    SUCCESS_U32 = 129,
    SUCCESS_2_U32 = 130,
    SUCCESS_U64 = 131,
    SUCCESS_3_U32 = 132,
    SUCCESS_U32_U64 = 133,
};

// Error codes: r1 after a failure.
enum {
    OK = 0,
    E_FAIL = 1,
    E_BUSY = 2,
    E_ALREADY = 3,
    E_OFF = 4,
    E_RESERVE = 5,
    E_INVAL = 6,
    E_SIZE = 7,
    E_CANCEL = 8,
    E_NOMEM = 9,
    E_NOSUPPORT = 10,
    E_NODEVICE = 11,
    E_UNINSTALLED = 12,
    E_NOACK = 13,
    E_BADRVAL = 1024, // never from the kernel: a variant that the caller did not expect
};

enum {
    YIELD_NO_WAIT = 0,
    YIELD_WAIT = 1,
    YIELD_WAIT_FOR = 2,
};

enum {
    MEMOP_BRK = 0,
    MEMOP_SBRK = 1,
    MEMOP_RAM_START = 2,
    MEMOP_RAM_END = 3,
    MEMOP_FLASH_START = 4,
    MEMOP_FLASH_END = 5,
    MEMOP_GRANT_START = 6,
    MEMOP_FLASH_REGIONS = 7,
    MEMOP_FLASH_REGION_START = 8,
    MEMOP_FLASH_REGION_END = 9,
    MEMOP_DEBUG_STACK = 10,
    MEMOP_DEBUG_HEAP = 11,
};

enum {
    EXIT_TERMINATE = 0,
    EXIT_RESTART = 1,
};

// Driver numbers: all that have a name (adder/apps/drivers.py), whether a board serves them or not.
enum {
    DRIVER_ALARM = 0x0,
    DRIVER_CONSOLE = 0x1,
    DRIVER_LED = 0x2,
    DRIVER_BUTTON = 0x3,
    DRIVER_GPIO = 0x4,
    DRIVER_ADC = 0x5,
    DRIVER_ANALOG_COMPARATOR = 0x7,
    DRIVER_LOW_LEVEL_DEBUG = 0x8,
    DRIVER_READ_ONLY_STATE = 0x9,
    DRIVER_PWM = 0x10,
    DRIVER_IPC = 0x10000,
    DRIVER_APP_LOADER = 0x10001,
    DRIVER_PROCESS_INFO = 0x10002,
    DRIVER_APPS = 0x10100,
    DRIVER_UART = 0x20000,
    DRIVER_SPI = 0x20001,
    DRIVER_I2C = 0x20003,
    DRIVER_EUI64 = 0x30006,
    DRIVER_RNG = 0x40001,
    DRIVER_CRC = 0x40002,
    DRIVER_HMAC = 0x40003,
    DRIVER_SHA = 0x40005,
    DRIVER_AES = 0x40006,
    DRIVER_APP_FLASH = 0x50000,
    DRIVER_NONVOLATILE_STORAGE = 0x50001,
    DRIVER_KEY_VALUE = 0x50003,
    DRIVER_ISOLATED_NONVOLATILE_STORAGE = 0x50004,
    DRIVER_TEMPERATURE = 0x60000,
    DRIVER_HUMIDITY = 0x60001,
    DRIVER_AMBIENT_LIGHT = 0x60002,
    DRIVER_NINEDOF = 0x60004,
    DRIVER_PROXIMITY = 0x60005,
    DRIVER_SOUND_PRESSURE = 0x60006,
    DRIVER_AIR_QUALITY = 0x60007,
    DRIVER_PRESSURE = 0x60008,
    DRIVER_DISTANCE = 0x60009,
    DRIVER_MOISTURE = 0x6000a,
    DRIVER_RAINFALL = 0x6000b,
    DRIVER_GPIO_ASYNC = 0x80003,
    DRIVER_BUZZER = 0x90000,
    DRIVER_SCREEN = 0x90001,
    DRIVER_DATE_TIME = 0x90007,
    DRIVER_SERVO = 0x90009,
};

// ------------------------------------------------------------- system calls

// What r0..r3 hold after a call.
typedef struct {
    uint32_t variant;
    uint32_t a;
    uint32_t b;
    uint32_t c;
} result_t;

typedef void (*upcall_t)(uint32_t a, uint32_t b, uint32_t c, void *data);

// A macro, since the class is part of the instruction.
#define ADDER_SVC(class, r0_, r1_, r2_, r3_)                               \
    ({                                                                     \
        register uint32_t adder_r0 __asm__("r0") = (uint32_t)(r0_);        \
        register uint32_t adder_r1 __asm__("r1") = (uint32_t)(r1_);        \
        register uint32_t adder_r2 __asm__("r2") = (uint32_t)(r2_);        \
        register uint32_t adder_r3 __asm__("r3") = (uint32_t)(r3_);        \
        __asm__ volatile("svc %[number]"                                   \
                         : "+r"(adder_r0), "+r"(adder_r1), "+r"(adder_r2), \
                           "+r"(adder_r3)                                  \
                         : [number] "i"(class)                             \
                         : "memory", "cc");                                \
        (result_t){adder_r0, adder_r1, adder_r2, adder_r3};                \
    })

// During a yield an upcall function may run. To the code around the call it is an
// ordinary C function that was called in between: it may change whatever a callee may.
#define ADDER_YIELD(r0_, r1_, r2_)                                               \
    ({                                                                           \
        register uint32_t adder_r0 __asm__("r0") = (uint32_t)(r0_);              \
        register uint32_t adder_r1 __asm__("r1") = (uint32_t)(r1_);              \
        register uint32_t adder_r2 __asm__("r2") = (uint32_t)(r2_);              \
        __asm__ volatile("svc 0"                                                 \
                         : "+r"(adder_r0), "+r"(adder_r1), "+r"(adder_r2)        \
                         :                                                       \
                         : "memory", "cc", "r3", "r12", "lr", "s0", "s1", "s2",  \
                           "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10",      \
                           "s11", "s12", "s13", "s14", "s15");                   \
        (result_t){adder_r0, adder_r1, adder_r2, 0};                             \
    })

// Always inline: a call is a few instructions, and the benchmark counts them.
#define ADDER_INLINE static inline __attribute__((always_inline))

// Run one pending upcall if there is one; true if so.
ADDER_INLINE bool yield_no_wait(void) {
    uint8_t ran = 0;
    ADDER_YIELD(YIELD_NO_WAIT, &ran, 0);
    return ran != 0;
}

// Sleep until an upcall function has run.
ADDER_INLINE void yield_wait(void) {
    ADDER_YIELD(YIELD_WAIT, 0, 0);
}

typedef struct {
    uint32_t a;
    uint32_t b;
    uint32_t c;
} upcall_args_t;

// Sleep until that upcall is due, and take its arguments instead of calling a function.
ADDER_INLINE upcall_args_t yield_wait_for(uint32_t driver, uint32_t number) {
    result_t r = ADDER_YIELD(YIELD_WAIT_FOR, driver, number);
    return (upcall_args_t){r.variant, r.a, r.b};
}

ADDER_INLINE result_t subscribe(uint32_t driver, uint32_t number, upcall_t function, void *data) {
    return ADDER_SVC(CLASS_SUBSCRIBE, driver, number, (uintptr_t)function, (uintptr_t)data);
}

ADDER_INLINE result_t command(uint32_t driver, uint32_t number, uint32_t a, uint32_t b) {
    return ADDER_SVC(CLASS_COMMAND, driver, number, a, b);
}

ADDER_INLINE result_t allow_rw(uint32_t driver, uint32_t number, void *start, size_t length) {
    return ADDER_SVC(CLASS_ALLOW_RW, driver, number, (uintptr_t)start, length);
}

ADDER_INLINE result_t allow_ro(uint32_t driver, uint32_t number, const void *start, size_t length) {
    return ADDER_SVC(CLASS_ALLOW_RO, driver, number, (uintptr_t)start, length);
}

ADDER_INLINE result_t allow_readable(uint32_t driver, uint32_t number, void *start, size_t length) {
    return ADDER_SVC(CLASS_ALLOW_READABLE, driver, number, (uintptr_t)start, length);
}

ADDER_INLINE result_t memop(uint32_t operation, uint32_t argument) {
    return ADDER_SVC(CLASS_MEMOP, operation, argument, 0, 0);
}

ADDER_INLINE __attribute__((noreturn)) void exit_terminate(uint32_t code) {
    ADDER_SVC(CLASS_EXIT, EXIT_TERMINATE, code, 0, 0);
    __builtin_unreachable();
}

ADDER_INLINE __attribute__((noreturn)) void exit_restart(uint32_t code) {
    ADDER_SVC(CLASS_EXIT, EXIT_RESTART, code, 0, 0);
    __builtin_unreachable();
}

ADDER_INLINE bool succeeded(result_t r) {
    return r.variant >= SUCCESS;
}

// OK or the error code.
static inline uint32_t error_of(result_t r) {
    return succeeded(r) ? OK : r.a;
}

// --------------------------------------------------- the app itself (app.c)

// The text that `adder tbf --argument` put into the binary; "" if none. It lets one
// ELF file become many apps.
const char *app_argument(void);

// The next word of *text, copied into word (size bytes, always terminated); *text
// moves past it. False, and an empty word, if there is none.
bool next_word(const char **text, char *word, size_t size);

// A number in decimal, or in hexadecimal after 0x; fallback if word is not one.
uint32_t parse_number(const char *word, uint32_t fallback);

// The package name in the app's own TBF header. The text is not terminated;
// its length is put into *length.
const char *app_name(size_t *length);

// ---------------------------------------------------- console (console.c)

// Write all of it; returns when the console has taken it.
void console_write(const void *text, size_t length);

// As printf, with %c %s %.*s %d %i %u %x %p %%, width and zero padding, l and z ignored.
// A line of up to 128 bytes is one console transaction, so lines of apps do not mix.
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

// The same into a buffer; returns the length it needs, not counting the final 0.
size_t format_text(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
size_t format_text_v(char *out, size_t size, const char *format, va_list arguments);

// -------------------------------------------------------- alarm (alarm.c)

uint32_t alarm_frequency(void); // ticks in a second
uint32_t alarm_now(void);       // 32 bits, wraps
void sleep_ms(uint32_t ms);

// Milliseconds to ticks, rounded up; the product has 64 bits.
uint64_t ms_to_ticks(uint32_t ms);
uint32_t ticks_to_ms(uint64_t ticks);

// ------------------------------------------------------------ LEDs (led.c)

uint32_t led_count(void);
void led_on(uint32_t led);
void led_off(uint32_t led);
void led_toggle(uint32_t led);

// ------------------------------------------------------------- IPC (ipc.c)

// The index of the process with that package name; false if there is none (yet).
bool ipc_discover(const char *name, uint32_t *index);

// Let process `index` use this memory. Its size must be a power of two, and its
// address a multiple of that, since an MPU region has to cover it.
uint32_t ipc_share(uint32_t index, void *start, size_t length);

uint32_t ipc_on_notify(uint32_t index, upcall_t function, void *data);
uint32_t ipc_notify_service(uint32_t index);
uint32_t ipc_notify_client(uint32_t index);

// ----------------------------------------------------------- heap (heap.c)

bool brk(void *end);            // false if the kernel refuses
void *sbrk(intptr_t delta);     // the old break, or SBRK_FAILED
#define SBRK_FAILED ((void *)-1)
void *malloc(size_t size);
void free(void *block);

// ---------------------------------------------------- memory and text (string.c)

void *memcpy(void *to, const void *from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *to, int value, size_t length);
int memcmp(const void *a, const void *b, size_t length);
size_t strlen(const char *text);
int strcmp(const char *a, const char *b);

int main(void);

#endif
