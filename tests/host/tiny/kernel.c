// A board program just big enough to test the tool: a console, a storage word, and two apps that
// take turns. It has the marks that `adder bench` looks for.
//
//     prints "tiny: up" and whether the first word of storage is erased
//     answers each character c that is typed with "<c>"; on 'w' it writes the storage word first,
//     on 'r' it reads the words of a handler

#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))
#define UART_DATA REG(0x40004000)
#define UART_STATE REG(0x40004004)
#define UART_CTRL REG(0x40004008)
#define UART_BAUDDIV REG(0x40004010)
#define SYST_CSR REG(0xe000e010)
#define SYST_RVR REG(0xe000e014)
#define ICSR REG(0xe000ed04)
#define NVIC_ISER0 REG(0xe000e100)
#define NVIC_ISPR0 REG(0xe000e200)
#define STORAGE REG(0x21070000)

#define TEST_IRQ (31) // a line that no device drives
#define FRAME_WORDS (8)

typedef void app_t(void);

uint32_t magic = 0x12345678;

// Where each app's frame lies, and whose turn it is.
static uint32_t stacks[2][64];
static uint32_t *frames[2];
static uint32_t current, ticks;

static void put(const char *text) {
    while (*text) {
        while (UART_STATE & 1) {
        }
        UART_DATA = *text++;
    }
}

void SysTick_Handler(void);
volatile uint32_t watched;

// Reads all words of the handler, and so the one that it loads first, where the tool has QEMU stop.
static void read_what_is_watched(void) {
    const volatile uint32_t *code = (const volatile uint32_t *)((uintptr_t)SysTick_Handler & ~3u);
    for (unsigned i = 0; i < 8; i++) {
        watched = code[i] == 0x5eed ? code[i] : watched;
    }
}

static void listen(void) {
    if (UART_STATE & 2) {
        char answer[] = {'<', (char)UART_DATA, '>', '\n', 0};
        if (answer[1] == 'w') {
            STORAGE = 0xcafe;
        }
        if (answer[1] == 'r') {
            read_what_is_watched();
        }
        put(answer);
    }
}

// Switches to the other app if there are two, and runs `irq_entry` every fourth time.
__attribute__((used)) static uint32_t *tick(uint32_t *frame) {
    listen();
    frames[current] = frame;
    if (frames[1 - current]) {
        current = 1 - current;
    }
    if (++ticks % 4 == 0) {
        NVIC_ISPR0 = 1u << TEST_IRQ;
    }
    return frames[current];
}

__attribute__((naked)) void SysTick_Handler(void) {
    __asm volatile(
        "ldr r0, 1f\n"
        "mrs r0, psp\n"
        "push {r4, lr}\n" // the apps keep nothing in r4 to r11
        "bl tick\n"
        "pop {r4, lr}\n"
        "msr psp, r0\n"
        "bx lr\n"
        ".balign 4\n"
        "1: .word 0x5eed\n");
}

void irq_entry(void) {
    __asm volatile("nop\n nop\n");
}

static void svc(void) {
    __asm volatile("nop");
}

// An app begins with the offset of its entry point.
static void prepare(unsigned index, uint32_t entry) {
    uint32_t *frame = stacks[index] + 64 - FRAME_WORDS;
    frame[6] = entry & ~1u;
    frame[7] = 1 << 24;
    frames[index] = frame;
}

void Reset_Handler(void) {
    extern uint32_t data_flash, data_start, data_end, bss_end;
    for (uint32_t *from = &data_flash, *to = &data_start; to < &data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = &data_end; to < &bss_end;) {
        *to++ = 0;
    }
    UART_BAUDDIV = 16;
    UART_CTRL = 3;
    put("tiny: up\n");
    put(STORAGE == 0xffffffff ? "storage erased\n" : "storage written\n");

    uint32_t at = 0x21000000;
    for (unsigned i = 0; i < 2 && (REG(at) & 0xffff) == 2; at += REG(at + 4)) {
        uint32_t header = REG(at) >> 16;
        if (header > 16) {
            prepare(i++, at + header + REG(at + header));
        }
    }
    if (!frames[0]) {
        for (;;) {
            listen();
        }
    }
    NVIC_ISER0 = 1u << TEST_IRQ;
    SYST_RVR = 5000;
    SYST_CSR = 7;
    __asm volatile(
        "msr psp, %0\n"
        "movs r2, #2\n" // thread mode uses the process stack
        "msr control, r2\n"
        "isb\n"
        "bx %1\n" ::"r"(stacks[0] + 64), "r"(frames[0][6] | 1) : "r2");
    __builtin_unreachable();
}

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[16 + 32] = {
    0x20010000, (uintptr_t)Reset_Handler, [11] = (uintptr_t)svc, [15] = (uintptr_t)SysTick_Handler,
    [16 ... 47] = (uintptr_t)irq_entry,
};
