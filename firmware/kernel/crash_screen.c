// The crash screen: see crash_screen.h.

#include "config.h"
#include "kernel/crash_screen.h"
#include "kernel/log.h"
#include "memory_map.h"
#include "qrcodegen.h"

#define COLUMNS (80)
#define QUIET (4)       // the QR code's margin, in modules (ISO/IEC 18004, 9.1)
#define QR_VERSION (13) // 69 modules wide: the last one that fits, with its margin, into COLUMNS
#define QR_BYTES (425)  // what it holds at the lowest level of error correction (table 7)
#define REASON_BYTES (240)
#define CALLERS (8)

// A half of a character is a module. Modules are drawn where they are light, on black, whatever the
// terminal's colours are.
#define COLOURS "\033[40;37;1m"
#define NO_COLOURS "\033[0m\r\n"

extern const uint32_t _stack_limit[], _stack_top[];
extern const uint8_t _vectors[], _data_flash[], _wiring_code_start[], _wiring_end[];

#define BUFFER_BYTES (qrcodegen_BUFFER_LEN_FOR_VERSION(QR_VERSION))

static uint8_t *const report = kernel_log_ring; // then the encoder's work area
static uint8_t *const code = kernel_log_ring + BUFFER_BYTES;
static uint32_t length, limit, column;
_Static_assert(QR_BYTES <= BUFFER_BYTES, "the report is encoded in place");
_Static_assert(2 * BUFFER_BYTES <= CONFIG_KERNEL_LOG_BYTES, "nothing waits in the log any more");

static void put_string(const char *text) {
    for (; *text != '\0'; text++) {
        board_panic_putc(*text);
    }
}

static void add(uint8_t c) {
    if (length < limit) {
        report[length++] = c;
        column = c == '\n' ? 0 : column + 1;
        if (c == '\n') {
            board_panic_putc('\r');
        }
        board_panic_putc(c);
    }
}

void crash_screen_put(uint8_t c) {
    if (limit == 0) {
        board_panic_putc(c);
    } else if (c == '\n') {
        add('\n');
    } else if (c != '\r') { // add() prints it
        if (column == COLUMNS) {
            add('\n');
        }
        add(c >= ' ' && c <= '~' ? c : '?');
    }
}

void crash_screen_begin(void) {
    put_string("\r\n");
    limit = REASON_BYTES;
    kernel_printf("panicked: ");
}

void crash_screen_reason_ends(void) {
    limit = QR_BYTES;
    kernel_printf("\nAdder %s on %s\n", ADDER_VERSION, BOARD_TITLE);
}

bool crash_screen_on_stack(const uint32_t *start, uint32_t bytes) {
    uintptr_t address = (uintptr_t)start;
    return address % 4 == 0 && address >= (uintptr_t)_stack_limit && address < (uintptr_t)_stack_top
        && bytes <= (uintptr_t)_stack_top - address;
}

// An address in flash behind a BL, or a BLX with a register (ARMv7-M, A7.7.18 and A7.7.19).
// Safety: only reads, in the kernel's own flash.
bool crash_screen_is_return_address(uint32_t word) {
    bool wires = word > (uintptr_t)_wiring_code_start && word <= (uintptr_t)_wiring_end; // in a kernel that wires itself
    if (!(word & 1) || word < (uintptr_t)_vectors + 5 || (word > (uintptr_t)_data_flash && !wires)) {
        return false;
    }
    const uint16_t *next = (const uint16_t *)(word - 1);
    return ((next[-2] & 0xf800) == 0xf000 && (next[-1] & 0xd000) == 0xd000) || (next[-1] & 0xff87) == 0x4780;
}

void crash_screen_callers(const uint32_t *stack) {
    if (!crash_screen_on_stack(stack, 4)) {
        stack = _stack_limit;
    }
    kernel_printf("callers");
    for (unsigned found = 0; found < CALLERS && stack < _stack_top; stack++) {
        if (crash_screen_is_return_address(*stack)) {
            kernel_printf(" %x", (unsigned)*stack - 1);
            found++;
        }
    }
    kernel_printf("\n");
}

void crash_screen_code(void) {
    // If it should not fit after all, the report has been printed.
    if (!qrcodegen_encodeBinary(report, length, code, qrcodegen_Ecc_LOW, qrcodegen_VERSION_MIN, QR_VERSION,
            qrcodegen_Mask_AUTO, true)) {
        return;
    }
    put_string(column == 0 ? "\r\n" : "\r\n\r\n");
    int size = qrcodegen_getSize(code);
    for (int y = -QUIET; y < size + QUIET; y += 2) {
        put_string(COLOURS);
        for (int x = -QUIET; x < size + QUIET; x++) {
            static const char *const halves[2][2] = {{"\u2588", "\u2580"}, {"\u2584", " "}}; // [upper is dark][lower]
            put_string(halves[qrcodegen_getModule(code, x, y)][qrcodegen_getModule(code, x, y + 1)]);
        }
        put_string(NO_COLOURS);
    }
}
