// Hostile: random system calls, as nasty as they can be made.
//
// Shows:   neither the kernel nor another app is harmed by what an app asks for.
// Build:   make apps                  (build/apps/hostile.tbf), or
//          adder tbf build/apps/hostile.elf --argument "7 1000000" -o hostile.tbf
// Run:     make run APPS="hostile blink"
// Expect:  hostile: begin, seed 7, 1000000 calls
//          hostile: end, 1000000 calls, 412345 of them succeeded
//          and then the app sleeps.
//
// Argument: SEED COUNT [FLAGS]; 1 10000 if there is none. The same argument gives the same
// calls. FLAGS:
//     b  also calls with classes that do not exist: each is a process fault
//     x  also exits, terminating and restarting
//     p  also commands to the process-info driver that stop other processes
//     w  also yields that may wait for ever
// Without flags the app outlives all its calls, so it keeps what it gives the kernel apart
// from what it needs itself: memory that the kernel may write lies in an arena at the top of
// its own RAM, and a function that may be called is a harmless one.

#include "adder.h"

enum { ARENA = 512 };

void hostile_call(const uint32_t in[4], uint32_t out[4], uint32_t class);

typedef struct {
    bool bad_classes;
    bool exits;
    bool process_control;
    bool endless_waits;
} flags_t;

typedef struct {
    uint32_t state;
    uint32_t ram_start;
    uint32_t ram_end;
    uint32_t flash_start;
    uint32_t flash_end;
    uint32_t arena; // everything from here to the break is expendable
    flags_t flags;
} hostile_t;

static const char LINE[] = "hostile: a line of the hostile app\n";

static volatile uint32_t upcalls;

static void harmless(uint32_t a, uint32_t b, uint32_t c, void *data) {
    (void)a, (void)b, (void)c, (void)data;
    upcalls++;
}

// xorshift32 (Marsaglia 2003).
static uint32_t random32(hostile_t *h) {
    uint32_t x = h->state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    h->state = x;
    return x;
}

static uint32_t below(hostile_t *h, uint32_t limit) {
    return (random32(h) >> 8) % limit;
}

static bool one_in(hostile_t *h, uint32_t n) {
    return below(h, n) == 0;
}

// Numbers that programs get wrong: small ones, powers of two and their neighbours, any.
static uint32_t odd_number(hostile_t *h) {
    switch (below(h, 4)) {
        case 0:
            return below(h, 10);
        case 1:
            return (1u << below(h, 32)) + below(h, 3) - 1;
        case 2:
            return 0 - below(h, 300);
        default:
            return random32(h);
    }
}

static bool in_own_ram(const hostile_t *h, uint32_t address) {
    return address >= h->ram_start && address < h->ram_end;
}

static bool in_own_flash(const hostile_t *h, uint32_t address) {
    return address >= h->flash_start && address < h->flash_end;
}

// An address that is no use to anybody who takes it for the app's own memory: outside, or at
// its edges. The part of RAM that the app needs is left out.
static uint32_t bad_address(hostile_t *h) {
    static const uint32_t CORNERS[] = {
        0, 4, 0x20000000, 0x20000ffc, 0x2003fffc, 0x20040000, 0x21000000, 0x2107fffc,
        0x40004000, 0x40028000, 0xe000e010, 0xe000ed00, 0xe000ed94, 0xfffffffc, 0xffffffff,
        0x1fffffff, 0x7fffffff, 0x80000000,
    };
    uint32_t address;
    switch (below(h, 5)) {
        case 0:
            address = CORNERS[below(h, sizeof CORNERS / sizeof *CORNERS)];
            break;
        case 1:
            address = h->ram_start - 1 - below(h, 64);
            break;
        case 2:
            address = memop(MEMOP_SBRK, 0).a + below(h, 64); // from the break on
            break;
        case 3:
            address = h->ram_end - 32 + below(h, 64);
            break;
        default:
            address = random32(h);
            break;
    }
    return in_own_ram(h, address) && address < h->arena ? h->ram_end : address;
}

// Memory that the kernel may write to.
static void writeable_range(hostile_t *h, uint32_t *start, uint32_t *length) {
    if (one_in(h, 3)) {
        *start = bad_address(h);
        *length = odd_number(h);
    } else {
        *start = h->arena + below(h, ARENA);
        *length = one_in(h, 4) ? odd_number(h) : below(h, ARENA);
    }
}

// Memory that the kernel may read.
static void readable_range(hostile_t *h, uint32_t *start, uint32_t *length) {
    switch (below(h, 3)) {
        case 0:
            writeable_range(h, start, length);
            break;
        case 1:
            *start = h->flash_start + below(h, h->flash_end - h->flash_start + 16);
            *length = below(h, 256);
            break;
        default:
            *start = h->ram_start + below(h, h->ram_end - h->ram_start);
            *length = below(h, 256);
            break;
    }
}

static uint32_t driver(hostile_t *h) {
    static const uint32_t KNOWN[] = {
        DRIVER_ALARM, DRIVER_CONSOLE, DRIVER_CONSOLE, DRIVER_LED,
        DRIVER_IPC, DRIVER_IPC, DRIVER_PROCESS_INFO, DRIVER_PROCESS_INFO,
    };
    if (one_in(h, 40)) {
        return DRIVER_LOW_LEVEL_DEBUG; // seldom: each call is a line on the console
    }
    if (one_in(h, 10)) {
        return odd_number(h);
    }
    return KNOWN[below(h, sizeof KNOWN / sizeof *KNOWN)];
}

static uint32_t number(hostile_t *h) {
    return one_in(h, 8) ? odd_number(h) : below(h, 9);
}

static uint32_t argument(hostile_t *h) {
    switch (below(h, 4)) {
        case 0:
            return h->arena + below(h, ARENA);
        case 1:
            return below(h, 12);
        default:
            return odd_number(h);
    }
}

static uint32_t make_yield(hostile_t *h, uint32_t in[4]) {
    enum { SET_RELATIVE = 5 };
    in[0] = one_in(h, 6) ? 3 + (odd_number(h) & 0x7fffffff) : YIELD_NO_WAIT;
    in[1] = one_in(h, 3) ? bad_address(h) : one_in(h, 2) ? 0 : h->arena + below(h, ARENA);
    if (one_in(h, 16)) {
        // A yield that waits: with an alarm set first, it ends.
        bool for_one = one_in(h, 2);
        subscribe(DRIVER_ALARM, 0, for_one ? NULL : harmless, NULL);
        command(DRIVER_ALARM, SET_RELATIVE, below(h, 20000), 0);
        in[0] = for_one ? YIELD_WAIT_FOR : YIELD_WAIT;
        in[1] = DRIVER_ALARM;
        in[2] = 0;
    } else if (h->flags.endless_waits && one_in(h, 64)) {
        in[0] = 1 + below(h, 2);
    }
    return CLASS_YIELD;
}

static uint32_t make_subscribe(hostile_t *h, uint32_t in[4]) {
    switch (below(h, 3)) {
        case 0:
            in[2] = 0;
            break;
        case 1:
            in[2] = (uint32_t)harmless;
            break;
        default: // what is not code of ours must be refused
            do {
                in[2] = bad_address(h);
            } while (in_own_ram(h, in[2]) || in_own_flash(h, in[2]));
            break;
    }
    in[3] = random32(h);
    return CLASS_SUBSCRIBE;
}

static uint32_t make_command(hostile_t *h, uint32_t in[4]) {
    enum { CONSOLE_WRITE = 1, PROCESS_CONTROL = 6 };
    in[2] = argument(h);
    in[3] = argument(h);
    if (in[0] == DRIVER_CONSOLE && in[1] == CONSOLE_WRITE && !one_in(h, 50)) {
        in[2] = below(h, 3); // few bytes, or the log would have many megabytes
    }
    if (in[0] == DRIVER_PROCESS_INFO && in[1] == PROCESS_CONTROL && !h->flags.process_control) {
        in[1] = 1;
    }
    return CLASS_COMMAND;
}

static uint32_t make_allow_ro(hostile_t *h, uint32_t in[4]) {
    readable_range(h, &in[2], &in[3]);
    if (in[0] == DRIVER_CONSOLE && in[1] == 1 && one_in(h, 2)) {
        in[2] = (uint32_t)LINE;
        in[3] = sizeof LINE - 1;
    }
    return CLASS_ALLOW_RO;
}

static uint32_t make_memop(hostile_t *h, uint32_t in[4]) {
    in[0] = one_in(h, 8) ? odd_number(h) : below(h, 13);
    in[1] = odd_number(h);
    uint32_t least = h->arena + ARENA; // the app needs what is below
    uint32_t now = memop(MEMOP_SBRK, 0).a;
    if (in[0] == MEMOP_BRK) {
        in[1] = one_in(h, 2) ? least + below(h, h->ram_end - least + 64) : bad_address(h);
        if (in_own_ram(h, in[1]) && in[1] < least) {
            in[1] = least;
        }
    } else if (in[0] == MEMOP_SBRK) {
        if (one_in(h, 2)) {
            in[1] = below(h, 512) - 256;
        }
        uint32_t then = now + in[1];
        if (in_own_ram(h, then) && then < least) {
            in[1] = least - now;
        }
    }
    return CLASS_MEMOP;
}

static uint32_t make_exit(hostile_t *h, uint32_t in[4]) {
    in[0] = odd_number(h);
    if (in[0] <= EXIT_RESTART && !(h->flags.exits && one_in(h, 16))) {
        in[0] += 2;
    }
    in[1] = random32(h);
    return CLASS_EXIT;
}

// Fills in the registers for one call; returns its class.
static uint32_t make_call(hostile_t *h, uint32_t in[4]) {
    in[0] = driver(h);
    in[1] = number(h);
    in[2] = random32(h);
    in[3] = random32(h);
    if (h->flags.bad_classes && one_in(h, 1000)) {
        return 8 + below(h, 248);
    }
    switch (below(h, 16)) {
        case 0:
        case 1:
            return make_yield(h, in);
        case 2:
        case 3:
            return make_subscribe(h, in);
        case 4:
        case 5:
            writeable_range(h, &in[2], &in[3]);
            return CLASS_ALLOW_RW;
        case 6:
        case 7:
            return make_allow_ro(h, in);
        case 8:
            writeable_range(h, &in[2], &in[3]);
            return CLASS_ALLOW_READABLE;
        case 9:
        case 10:
            return make_memop(h, in);
        case 11:
            return make_exit(h, in);
        default:
            return make_command(h, in);
    }
}

static hostile_t read_argument(uint32_t *seed, uint32_t *count) {
    hostile_t h = {0};
    const char *rest = app_argument();
    char word[16];
    next_word(&rest, word, sizeof word);
    *seed = parse_number(word, 1);
    next_word(&rest, word, sizeof word);
    *count = parse_number(word, 10000);
    next_word(&rest, word, sizeof word);
    for (const char *flag = word; *flag != 0; flag++) {
        h.flags.bad_classes |= *flag == 'b';
        h.flags.exits |= *flag == 'x';
        h.flags.process_control |= *flag == 'p';
        h.flags.endless_waits |= *flag == 'w';
    }
    h.state = *seed * 0x9e3779b9u | 1; // never 0, and neighbouring seeds differ at once
    return h;
}

// Takes back all that the calls have set up on the console, so that print works.
static void settle(void) {
    for (uint32_t i = 0; i < 4; i++) {
        subscribe(DRIVER_CONSOLE, i, NULL, NULL);
        allow_ro(DRIVER_CONSOLE, i, NULL, 0);
        allow_rw(DRIVER_CONSOLE, i, NULL, 0);
    }
    command(DRIVER_CONSOLE, 3, 0, 0); // abort a read
    sleep_ms(100);
}

int main(void) {
    uint32_t seed;
    uint32_t count;
    hostile_t h = read_argument(&seed, &count);
    h.ram_start = memop(MEMOP_RAM_START, 0).a;
    h.ram_end = memop(MEMOP_RAM_END, 0).a;
    h.flash_start = memop(MEMOP_FLASH_START, 0).a;
    h.flash_end = memop(MEMOP_FLASH_END, 0).a;
    void *arena = sbrk(ARENA);
    if (arena == SBRK_FAILED) {
        print("hostile: no memory for the arena\n");
        return E_NOMEM;
    }
    h.arena = (uint32_t)arena;

    print("hostile: begin, seed %u, %u calls\n", (unsigned)seed, (unsigned)count);
    uint32_t successes = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t in[4];
        uint32_t out[4];
        uint32_t class = make_call(&h, in);
        hostile_call(in, out, class);
        successes += class != CLASS_YIELD && out[0] >= SUCCESS && out[0] <= SUCCESS_U32_U64;
    }
    settle();
    print("hostile: end, %u calls, %u of them succeeded\n", (unsigned)count, (unsigned)successes);
    for (;;) {
        yield_wait();
    }
}
