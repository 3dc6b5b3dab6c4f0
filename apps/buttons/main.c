// Buttons: lights an LED while its button is pressed, and says so.
//
// Shows:   an upcall for each press and release.
// Build:   make apps                  (build/apps/buttons.tbf)
// Run:     make run APPS="buttons"; on QEMU's board Ctrl-A 0 to Ctrl-A 3 press a button
// Expect:  buttons: 4 of them, pressed now: none
//          buttons: 2 pressed
//          buttons: 2 released

#include "adder.h"

enum { COUNT = 0, ENABLE = 1, DISABLE = 2, READ = 3, CHANGED = 0 };

int main(void) {
    result_t r = command(DRIVER_BUTTON, COUNT, 0, 0);
    if (!succeeded(r)) {
        print("buttons: this board has none\n");
        return 0;
    }
    uint32_t count = r.a, pressed = 0;
    for (uint32_t i = 0; i < count; i++) {
        pressed += command(DRIVER_BUTTON, READ, i, 0).a;
        command(DRIVER_BUTTON, ENABLE, i, 0);
    }
    print("buttons: %u of them, pressed now: ", (unsigned)count);
    print(pressed == 0 ? "none\n" : "%u\n", (unsigned)pressed);
    for (;;) {
        upcall_args_t changed = yield_wait_for(DRIVER_BUTTON, CHANGED);
        (changed.b ? led_on : led_off)(changed.a);
        print("buttons: %u %s\n", (unsigned)changed.a, changed.b ? "pressed" : "released");
    }
}
