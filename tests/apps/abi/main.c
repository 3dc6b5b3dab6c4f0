// Abi: checks the system-call interface from the inside, fact by fact.
//
// Shows:   what each system call answers, good and bad.
// Build:   make apps                  (build/apps/abi.tbf)
// Run:     adder simulate with abi in the flash image
// Expect:  abi: ok, N facts
//          or, for each that does not hold, a line "abi: FAIL " with it.

#include "adder.h"

#define ABSENT (0x12345) // a driver number that nobody serves

static unsigned facts, failed;

static void is(const char *what, bool holds) {
    facts++;
    if (!holds) {
        failed++;
        print("abi: FAIL %s\n", what);
    }
}

static bool equals(result_t r, uint32_t variant, uint32_t a) {
    return r.variant == variant && r.a == a;
}

static volatile unsigned ran;
static upcall_args_t last;
static void *last_data;

static void remember(uint32_t a, uint32_t b, uint32_t c, void *data) {
    ran++;
    last = (upcall_args_t){a, b, c};
    last_data = data;
}

static void other(uint32_t a, uint32_t b, uint32_t c, void *data) {
    (void)a, (void)b, (void)c, (void)data;
    ran += 100;
}

static void check_command(void) {
    is("command to an absent driver is NODEVICE", equals(command(ABSENT, 0, 0, 0), FAILURE, E_NODEVICE));
    is("an unknown command is NOSUPPORT", equals(command(DRIVER_LED, 99, 0, 0), FAILURE, E_NOSUPPORT));
    is("a command number of 32 bits is NOSUPPORT", equals(command(DRIVER_LED, 0xffffffff, 0, 0), FAILURE, E_NOSUPPORT));
    is("the LED driver counts its LEDs", equals(command(DRIVER_LED, 0, 0, 0), SUCCESS_U32, 2));
    is("an LED that does not exist is INVAL", equals(command(DRIVER_LED, 1, 2, 0), FAILURE, E_INVAL));
    is("an LED number of 32 bits is INVAL", equals(command(DRIVER_LED, 1, 0x80000000, 0), FAILURE, E_INVAL));
    command(DRIVER_LED, 1, 1, 0);
    is("an LED that is on reads 1", equals(command(DRIVER_LED, 4, 1, 0), SUCCESS_U32, 1));
    command(DRIVER_LED, 3, 1, 0);
    is("toggling turns it off", equals(command(DRIVER_LED, 4, 1, 0), SUCCESS_U32, 0));
    result_t r = ADDER_SVC(CLASS_COMMAND, DRIVER_LED, 1, 0, 0x5a5a5a5a);
    is("success without values leaves r1 to r3", r.variant == SUCCESS && r.a == 1 && r.b == 0 && r.c == 0x5a5a5a5a);
}

static void check_subscribe(void) {
    result_t r = subscribe(DRIVER_ALARM, 0, remember, (void *)0x11);
    is("the first subscribe returns nulls", r.variant == SUCCESS_2_U32 && r.a == 0 && r.b == 0);
    r = subscribe(DRIVER_ALARM, 0, other, (void *)0x22);
    is("subscribing returns what was there", r.variant == SUCCESS_2_U32 && r.a == (uint32_t)remember && r.b == 0x11);
    r = subscribe(DRIVER_ALARM, 0, 0, (void *)0x33);
    is("the null upcall is always valid", r.variant == SUCCESS_2_U32 && r.a == (uint32_t)other);
    r = subscribe(ABSENT, 0, remember, (void *)7);
    is("subscribing at an absent driver fails with what was passed",
       r.variant == FAILURE_2_U32 && r.a == E_NODEVICE && r.b == (uint32_t)remember && r.c == 7);
    is("a number beyond the driver's is NOSUPPORT", equals(subscribe(DRIVER_ALARM, 1, remember, 0), FAILURE_2_U32, E_NOSUPPORT));
    is("a function outside own memory is INVAL", equals(subscribe(DRIVER_ALARM, 0, (upcall_t)0x20000000, 0), FAILURE_2_U32, E_INVAL));
    is("… even at an absent driver", equals(subscribe(ABSENT, 0, (upcall_t)0x20000000, 0), FAILURE_2_U32, E_INVAL));
    is("… or in the kernel's flash", equals(subscribe(DRIVER_ALARM, 0, (upcall_t)0x100, 0), FAILURE_2_U32, E_INVAL));
}

static void check_allow(void) {
    static char a[16], b[16];
    result_t r = allow_rw(DRIVER_CONSOLE, 1, a, sizeof(a));
    is("the first allow returns nulls", r.variant == SUCCESS_2_U32 && r.a == 0 && r.b == 0);
    r = allow_rw(DRIVER_CONSOLE, 1, b, 8);
    is("allowing returns what was there", r.variant == SUCCESS_2_U32 && r.a == (uint32_t)a && r.b == sizeof(a));
    r = allow_rw(DRIVER_CONSOLE, 1, 0, 0);
    is("length 0 revokes", r.variant == SUCCESS_2_U32 && r.a == (uint32_t)b && r.b == 8);
    r = allow_rw(DRIVER_CONSOLE, 1, (void *)0x1234, 0);
    is("length 0 is valid with any address", r.variant == SUCCESS_2_U32);
    r = allow_rw(DRIVER_CONSOLE, 1, (void *)0x20000000, 4);
    is("kernel memory is INVAL, with what was passed",
       r.variant == FAILURE_2_U32 && r.a == E_INVAL && r.b == 0x20000000 && r.c == 4);
    is("a range that wraps is INVAL", equals(allow_rw(DRIVER_CONSOLE, 1, a, 0xffffffff), FAILURE_2_U32, E_INVAL));
    is("a range beyond the break is INVAL",
       equals(allow_rw(DRIVER_CONSOLE, 1, sbrk(0), 4), FAILURE_2_U32, E_INVAL));
    is("own flash is not writable", equals(allow_rw(DRIVER_CONSOLE, 1, (void *)check_allow, 4), FAILURE_2_U32, E_INVAL));
    is("own flash is readable", allow_ro(DRIVER_CONSOLE, 0, (void *)((uint32_t)check_allow & ~1u), 4).variant == SUCCESS_2_U32);
    is("the header is not", equals(allow_ro(DRIVER_CONSOLE, 0, (void *)memop(4, 0).a, 4), FAILURE_2_U32, E_INVAL));
    is("an absent driver comes before the range",
       equals(allow_rw(ABSENT, 0, (void *)0x20000000, 4), FAILURE_2_U32, E_NODEVICE));
    is("a number beyond the driver's is NOSUPPORT", equals(allow_rw(DRIVER_CONSOLE, 9, a, 4), FAILURE_2_U32, E_NOSUPPORT));
    is("a driver without readable buffers is NOSUPPORT",
       equals(allow_readable(DRIVER_CONSOLE, 0, a, 4), FAILURE_2_U32, E_NOSUPPORT));
    allow_ro(DRIVER_CONSOLE, 0, 0, 0);
}

static void check_memop(void) {
    uint32_t start = memop(2, 0).a, end = memop(3, 0).a, grants = memop(6, 0).a, at = (uint32_t)sbrk(0);
    is("RAM lies where RAM is", start >= 0x20000000 && start < at && at <= grants && grants <= end);
    is("flash lies where flash is", memop(4, 0).a < (uint32_t)check_memop && memop(5, 0).a > (uint32_t)check_memop);
    is("no writeable flash regions", equals(memop(7, 0), SUCCESS_U32, 0));
    is("a region that does not exist is FAIL", equals(memop(8, 0), FAILURE, E_FAIL) && equals(memop(9, 5), FAILURE, E_FAIL));
    is("an unknown memop is NOSUPPORT", equals(memop(12, 0), FAILURE, E_NOSUPPORT));
    is("brk beyond RAM is NOMEM", equals(memop(0, end), FAILURE, E_NOMEM) && equals(memop(0, 0xfffffff0), FAILURE, E_NOMEM));
    is("brk below RAM is NOMEM", equals(memop(0, start - 4), FAILURE, E_NOMEM));
    is("sbrk of too much is NOMEM", equals(memop(1, 0x7fffffff), FAILURE, E_NOMEM));
    is("sbrk returns the old break", equals(memop(1, 64), SUCCESS_U32, at));
    uint8_t *fresh = (uint8_t *)at;
    is("new memory is zero", fresh[0] == 0 && fresh[63] == 0);
    fresh[0] = fresh[63] = 0xff;
    is("sbrk takes it back", equals(memop(1, (uint32_t)-64), SUCCESS_U32, at + 64));
    memop(1, 64);
    is("… and it is zero again", fresh[0] == 0 && fresh[63] == 0);
    allow_rw(DRIVER_CONSOLE, 1, fresh, 64);
    is("the break stays above an allowed buffer", equals(memop(1, (uint32_t)-64), FAILURE, E_NOMEM));
    allow_rw(DRIVER_CONSOLE, 1, 0, 0);
    // What the RAM was rounded up by is the app's: in granules of the MPU, of which 16 are the most.
    uint32_t granule = 32;
    while (end - start > 16 * granule) {
        granule *= 2;
    }
    grants = memop(6, 0).a;
    uint32_t most = start + (grants - start) / granule * granule;
    at = (uint32_t)sbrk(0);
    is("the break goes as far as the last granule below the grants", most > at && memop(0, most).variant == SUCCESS);
    is("… which is zero to its end, and writable", ((volatile uint8_t *)most)[-1] == 0 && (((volatile uint8_t *)most)[-1] = 1));
    is("… and no further", equals(memop(0, most + 4), FAILURE, E_NOMEM));
    memop(0, at);
    is("debug memops succeed", memop(10, memop(2, 0).a + 1024).variant == SUCCESS);
}

static void check_yield(void) {
    subscribe(DRIVER_CONSOLE, 1, remember, (void *)0x77);
    ran = 0;
    uint8_t flag = 9;
    ADDER_YIELD(YIELD_NO_WAIT, &flag, 0);
    is("nothing waits: no-wait says 0", flag == 0 && ran == 0);
    command(DRIVER_CONSOLE, 1, 0, 0); // a write of 0 bytes: its upcall is due at once
    ADDER_YIELD(YIELD_NO_WAIT, &flag, 0);
    is("one waits: no-wait runs it and says 1", flag == 1 && ran == 1 && last_data == (void *)0x77);
    is("it has its arguments", last.a == 0 && last.b == 0 && last.c == 0);
    ADDER_YIELD(YIELD_NO_WAIT, 0, 0);
    ADDER_YIELD(YIELD_NO_WAIT, 0x20000000, 0);
    is("a flag address that is no own memory is not written", true);
    command(DRIVER_CONSOLE, 1, 0, 0);
    yield_wait();
    is("wait runs it", ran == 2);
    command(DRIVER_CONSOLE, 1, 0, 0);
    yield_wait_for(DRIVER_CONSOLE, 1);
    is("wait-for does not run it", ran == 2);
    command(DRIVER_CONSOLE, 1, 0, 0);
    subscribe(DRIVER_CONSOLE, 1, other, 0);
    ADDER_YIELD(YIELD_NO_WAIT, &flag, 0);
    is("subscribing drops what waited for the old function", flag == 0 && ran == 2);
    subscribe(DRIVER_CONSOLE, 1, 0, 0);
    command(DRIVER_CONSOLE, 1, 0, 0);
    ADDER_YIELD(YIELD_NO_WAIT, &flag, 0);
    is("a null upcall does not run", flag == 0 && ran == 2);
    command(DRIVER_CONSOLE, 1, 0, 0);
    yield_wait_for(DRIVER_CONSOLE, 1);
    is("but wait-for sees it", true);
    subscribe(DRIVER_CONSOLE, 1, remember, 0);
    unsigned accepted = 0;
    for (int i = 0; i < 15; i++) {
        accepted += command(DRIVER_CONSOLE, 1, 0, 0).variant == SUCCESS;
    }
    ran = 0;
    while (yield_no_wait()) {
    }
    is("ten upcalls wait in the queue, the eleventh in its place, then the driver is busy", accepted == 11 && ran == accepted);
    ADDER_YIELD(3, 0, 0);
    ADDER_YIELD(0xffffffff, 0, 0);
    is("an unknown yield returns at once", true);
    is("exit with an unknown number is NOSUPPORT", equals(ADDER_SVC(CLASS_EXIT, 2, 0, 0, 0), FAILURE, E_NOSUPPORT));
    subscribe(DRIVER_CONSOLE, 1, 0, 0);
}

static void check_alarm(void) {
    is("the alarm exists", command(DRIVER_ALARM, 0, 0, 0).variant == SUCCESS);
    is("it counts at 25 MHz", equals(command(DRIVER_ALARM, 1, 0, 0), SUCCESS_U32, 25000000));
    is("stopping without an alarm is ALREADY", equals(command(DRIVER_ALARM, 3, 0, 0), FAILURE, E_ALREADY));
    is("command 4 is NOSUPPORT", equals(command(DRIVER_ALARM, 4, 0, 0), FAILURE, E_NOSUPPORT));
    subscribe(DRIVER_ALARM, 0, remember, (void *)5);
    uint32_t now = alarm_now();
    result_t r = command(DRIVER_ALARM, 5, 250000, 0);
    is("relative: the expiry is returned", r.variant == SUCCESS_U32 && r.a - now >= 250000 && r.a - now < 350000);
    ran = 0;
    yield_wait();
    is("it fires, not early, with now and the expiry",
       ran == 1 && last.b == r.a && last.a - last.b < 100000 && last_data == (void *)5);
    now = alarm_now();
    r = command(DRIVER_ALARM, 6, now - 1000000, 2000000);
    is("absolute: the expiry is reference + dt, rounded up to 256 ticks",
       r.variant == SUCCESS_U32 && r.a - (now + 1000000) < 256);
    yield_wait();
    is("it fires then", alarm_now() - now >= 1000000 && alarm_now() - now < 1300000);
    command(DRIVER_ALARM, 6, alarm_now() - 1000000, 500000);
    yield_wait();
    command(DRIVER_ALARM, 5, 0, 0);
    yield_wait();
    is("one in the past and one of 0 ticks fire at once", ran == 4);
    command(DRIVER_ALARM, 5, 0xffffffff, 0);
    is("the longest can be stopped", command(DRIVER_ALARM, 3, 0, 0).variant == SUCCESS);
    command(DRIVER_ALARM, 5, 2500000, 0);
    command(DRIVER_ALARM, 5, 250000, 0);
    yield_wait();
    is("setting it again replaces it", ran == 5 && equals(command(DRIVER_ALARM, 3, 0, 0), FAILURE, E_ALREADY));
    subscribe(DRIVER_ALARM, 0, 0, 0);
}

static void check_process_info(void) {
    static uint32_t words[40];
    static char name[8];
    is("process info exists", command(DRIVER_PROCESS_INFO, 0, 0, 0).variant == SUCCESS);
    result_t r = command(DRIVER_PROCESS_INFO, 1, 0, 0);
    uint32_t count = r.a;
    is("it counts processes", r.variant == SUCCESS_U32 && count >= 1);
    allow_rw(DRIVER_PROCESS_INFO, 0, words, sizeof(words));
    is("it lists identifiers", equals(command(DRIVER_PROCESS_INFO, 2, 0, 0), SUCCESS_U32, count) && words[0] != 0);
    uint32_t own = words[0];
    is("it gives counters", command(DRIVER_PROCESS_INFO, 5, own, 0).variant == SUCCESS_U32 && words[1] > 50 && words[2] == 0 && words[3] == 0);
    allow_rw(DRIVER_PROCESS_INFO, 0, name, sizeof(name));
    is("it gives names", equals(command(DRIVER_PROCESS_INFO, 4, own, 0), SUCCESS_U32, 3) && memcmp(name, "abi", 3) == 0);
    is("an unknown identifier is INVAL", equals(command(DRIVER_PROCESS_INFO, 5, 0x7fffffff, 0), FAILURE, E_INVAL));
    is("an unknown action is INVAL", equals(command(DRIVER_PROCESS_INFO, 6, own, 9), FAILURE, E_INVAL));
    is("booting what runs is INVAL", equals(command(DRIVER_PROCESS_INFO, 6, own, 5), FAILURE, E_INVAL));
}

int main(void) {
    check_command();
    check_subscribe();
    check_allow();
    check_memop();
    check_yield();
    check_alarm();
    check_process_info();
    if (failed == 0) {
        print("abi: ok, %u facts\n", facts);
    }
    return (int)failed;
}
