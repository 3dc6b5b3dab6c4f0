// Touch: subscribes, allows and commands whatever there is, once, so that each driver has its record of it.
//
// Shows:   however many do so, the kernel's memory is not used up: others have their alarms and their console, and begin anew.
// Build:   make apps                  (build/apps/touch.tbf)
// Run:     by tests/system/test_apps.py, 14 of them beside another
// Expect:  touch: done, if its console has room for it

#include "adder.h"

static const uint32_t drivers[] = { 0, 1, 2, 3, 4, 8, 0x10000, 0x10001, 0x10002, 0x40001, 0x50001, 0x60000 };
#define DRIVERS (sizeof drivers / sizeof drivers[0])

static uint8_t buffer[64];

static void got(uint32_t a, uint32_t b, uint32_t c, void *data) {
    (void)a, (void)b, (void)c, (void)data;
}

int main(void) {
    for (unsigned d = 0; d < DRIVERS; d++) {
        for (unsigned n = 0; n < 16; n++) {
            subscribe(drivers[d], n, got, 0);
            allow_rw(drivers[d], n, buffer, sizeof buffer);
            allow_ro(drivers[d], n, buffer, sizeof buffer);
        }
    }
    for (unsigned d = 0; d < DRIVERS; d++) {
        unsigned most = drivers[d] == 8 ? 0 : drivers[d] == 0x10001 || drivers[d] == 0x10002 ? 2 : 12; // neither prints nor kills
        for (unsigned n = 0; n < most; n++) {
            command(drivers[d], n, n == 1 ? 1 : 16, 4);
            command(drivers[d], n, 0, 16);
        }
        sleep_ms(10);
    }
    print("touch: done\n");
    for (;;) {
        sleep_ms(100000);
    }
}
