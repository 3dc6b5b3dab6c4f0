// The wired part of the image: what the build has made of the board's wiring (adder/wire, docs/wiring.md). The objects that
// never change lie in flash, where they stay; the others, and the kernel's variables as they were when all was wired, come
// into RAM at boot. A kernel without such a part wires itself when it boots.

#ifndef ADDER_CORE_WIRED_H
#define ADDER_CORE_WIRED_H

#include <stdbool.h>
#include <stdint.h>

// Objects side by side, a byte each 16 bytes says which capsule has made them.
typedef struct {
    const uint8_t *start, *end, *owners;
} wired_part_t;

// A write to a register that a driver's construction made: of the bits in `mask`.
typedef struct {
    uint32_t address, mask, value;
} wired_write_t;

// Frozen modules: names side by side, their lengths (0 ends the list), the modules.
typedef struct {
    const char *names;
    const uint8_t *lengths;
    const struct _mp_frozen_module_t *const *content;
} frozen_list_t;

// A function of machine code, and where the names of its file and of itself begin in its list's texts. The build lists all
// of them (adder/build/freeze.py); the last of a list has no code.
typedef struct {
    const uint8_t *code;
    uint16_t file, name;
} frozen_function_t;

// What only a kernel has that wires itself, and what it does it with. All of it lies in sections that begin with .wiring.
typedef struct {
    void (*wire)(void);
    frozen_list_t frozen;
    const frozen_function_t *functions;
    const char *function_texts;
} wiring_t;

#define FOR_WIRING __attribute__((section(".wiring.text")))
#define DATA_FOR_WIRING __attribute__((section(".wiring.rodata")))

typedef struct {
    uint32_t magic;
    union {
        const wiring_t *wiring; // of a kernel that wires itself
        const uint32_t *ram; // pieces: address, words and whether they are zeros, and else the words
    };
    const uint32_t *ram_end;
    const wired_write_t *writes, *writes_end;
    wired_part_t flash, changing;
} wired_t;

#define WIRED_MAGIC (0x64726977)
#define WIRED_ZEROS (0x80000000) // with a number of words

extern const wired_t _wired;

static inline bool is_wired(void) {
    return _wired.magic == WIRED_MAGIC;
}

bool wired_fill_ram(void);     // for startup.c, which clears it if this is false: the kernel is not wired
void wired_write_registers(void);
unsigned wired_owner(const void *object); // the capsule that made it; CONTAIN_KERNEL of what is in neither part
void wired_collect_roots(void);

// What the build has to know of structures in C, in a section of its own that is not in the image (adder/wire/kernel.py).
typedef struct {
    char name[40];
    uint32_t value;
} wire_fact_t;
#define WIRE_FACTS __attribute__((section(".wire_facts"), used)) static const wire_fact_t wire_facts[]

// While the kernel wires itself in the build's emulator, that stops here.
void wiring_begins(void);
void wiring_is_over(void);

#endif
