// Exits: ends in one of the three ways an app can.
//
// Shows:   completion codes; a restart begins with fresh memory.
// Build:   make apps                  (build/apps/exits-*.tbf)
// Run:     make run APPS="exits-terminate"
// Expect:  exits: terminate 3
//          and the process list shows the app as terminated; with `restart 3` the line comes
//          again and again. Static data that survived a restart would give
//          exits: OLD MEMORY
//
// Argument: [after MS] terminate CODE | restart CODE | return CODE

#include "adder.h"

static uint32_t zeroed;
static uint32_t initialised = 0x12345678;

int main(void) {
    if (zeroed != 0 || initialised != 0x12345678) {
        print("exits: OLD MEMORY\n");
    }
    *(volatile uint32_t *)&zeroed = 1;
    *(volatile uint32_t *)&initialised = 0;

    const char *rest = app_argument();
    char how[16];
    char number[16];
    next_word(&rest, how, sizeof how);
    if (strcmp(how, "after") == 0) {
        next_word(&rest, number, sizeof number);
        sleep_ms(parse_number(number, 0));
        next_word(&rest, how, sizeof how);
    }
    next_word(&rest, number, sizeof number);
    uint32_t code = parse_number(number, 0);
    print("exits: %s %u\n", how, (unsigned)code);
    if (strcmp(how, "terminate") == 0) {
        exit_terminate(code);
    }
    if (strcmp(how, "restart") == 0) {
        exit_restart(code);
    }
    return (int)code;
}
