// Alarms: sets random ones, of all lengths and kinds, and checks that each comes, and when.
//
// Shows:   no alarm is early, lost, or comes though nobody asked for it; how late the latest is.
// Build:   make apps                  (build/apps/alarms-1.tbf … alarms-8.tbf, alarms-short-1.tbf … -8.tbf)
// Run:     make renode-test, make renode-soak
// Expect:  alarms: seed 1, longest 120000 ms
//          alarms: 1250 came, 0 early, 0 unasked, 0 lost, at most 250 us late, now never back
//          alarms: 150 replaced, 160 stopped, 155 due already, 9123000 ms
//
// Argument: SEED COUNT LONGEST, the number of alarms and the longest in milliseconds.
//
// The length is random and so is its order of magnitude, from one tick of the hardware's counter. Of eight alarms
// six are relative, and before one of these another is set that it replaces, before one another that is stopped; two
// are set from a moment in the past, half of these for a moment in the past. An upcall says when the alarm was to go
// off, so that one of an alarm that was replaced or stopped gives itself away.

#include "adder.h"

enum { EXPIRED = 0 };
enum { STOP = 3, SET_RELATIVE = 5, SET_ABSOLUTE = 6 };
enum { TICK = 256 }; // of the hardware: the counter is shifted left

static uint32_t state;
static bool came;
static uint32_t said_now, said_expiry;
static uint32_t last, back;
static uint64_t passed;

static uint32_t random_number(void) { // xorshift32 (Marsaglia, 2003)
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

// The counter; on the way it is checked never to go back, and the rounds are counted.
static uint32_t look(void) {
    uint32_t now = alarm_now();
    if (now - last >= 0xC0000000) { // no wait is as long as three quarters of a round
        back++;
    } else {
        passed += now - last;
    }
    last = now;
    return now;
}

static void on_expired(uint32_t now, uint32_t expiry, uint32_t unused, void *data) {
    (void)unused, (void)data;
    came = true;
    said_now = now;
    said_expiry = expiry;
}

static uint32_t random_length(uint32_t longest) {
    unsigned bits = 8 + random_number() % (32 - __builtin_clz(longest) - 8); // 8: a tick
    uint32_t length = (1u << bits) + random_number() % (1u << bits);
    return length < longest ? length : longest;
}

int main(void) {
    const char *text = app_argument();
    char word[16];
    next_word(&text, word, sizeof(word));
    uint32_t seed = parse_number(word, 1);
    next_word(&text, word, sizeof(word));
    uint32_t count = parse_number(word, 100);
    next_word(&text, word, sizeof(word));
    uint32_t longest_ms = parse_number(word, 1000), longest = (uint32_t)ms_to_ticks(longest_ms);
    print("alarms: seed %u, longest %u ms\n", (unsigned)seed, (unsigned)longest_ms);
    state = seed * 2654435761u | 1;
    uint32_t early = 0, unasked = 0, lost = 0, latest = 0, replaced = 0, stopped = 0, overdue = 0;
    subscribe(DRIVER_ALARM, EXPIRED, on_expired, NULL);
    last = alarm_now();
    for (uint32_t i = 0; i < count;) {
        uint32_t kind = random_number() % 8;
        uint32_t dt = random_length(longest), reference = look(), expiry, replaces = 0;
        bool ahead = true;
        came = false;
        if (kind == 0 || kind == 1) { // one that does not come
            result_t result = command(DRIVER_ALARM, SET_RELATIVE, dt, 0);
            lost += !succeeded(result);
            replaces = result.a;
            for (volatile uint32_t n = random_number() % 1000; n != 0; n--) {
                // it may go off meanwhile
            }
            if (kind == 0) {
                replaced++;
            } else {
                stopped++;
                replaces = 0; // it does not any more
                command(DRIVER_ALARM, STOP, 0, 0);
            }
            while (yield_no_wait()) {
                // its upcall, if it has gone off
            }
            came = false;
            dt = random_length(longest);
            reference = look();
        }
        if (kind == 2 || kind == 3) {
            uint32_t ago = random_number() % (2 * dt);
            ahead = ago + TICK < dt;
            overdue += !ahead;
            reference -= ago;
            result_t result = command(DRIVER_ALARM, SET_ABSOLUTE, reference, dt);
            expiry = result.a;
            lost += !succeeded(result);
        } else {
            result_t result = command(DRIVER_ALARM, SET_RELATIVE, dt, 0);
            expiry = result.a;
            lost += !succeeded(result);
        }
        do { // one that is replaced may have gone off just before
            yield_wait();
        } while (!came || (replaces != expiry && said_expiry == replaces));
        uint32_t now = look();
        i++;
        if (now - reference < dt || said_now - said_expiry >= 0x80000000) {
            early++;
        } else if (said_expiry != expiry) {
            unasked++;
        } else {
            uint32_t late = now - expiry;
            if (ahead && late > latest) {
                latest = late;
            }
        }
    }
    print("alarms: %u came, %u early, %u unasked, %u lost, at most %u us late, now %s\n", (unsigned)count,
          (unsigned)early, (unsigned)unasked, (unsigned)lost,
          (unsigned)((uint64_t)latest * 1000000 / alarm_frequency()), back ? "goes back" : "never back");
    print("alarms: %u replaced, %u stopped, %u due already, %u ms\n", (unsigned)replaced, (unsigned)stopped,
          (unsigned)overdue, (unsigned)(passed * 1000 / alarm_frequency()));
    return 0;
}
