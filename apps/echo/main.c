// Echo: reads the console, one byte at a time or a fixed number, and says what it read.
//
// Shows:   reading from the console; a buffer that is revoked while a read is under way.
// Build:   make apps                  (build/apps/echo.tbf, echo-revoke.tbf)
// Run:     adder simulate with echo in the flash image, and type
// Expect:  echo: ready
//          echo: read 'a' (97), status 0          for each byte that is typed
//
// Argument: "revoke": allow a buffer, start a read, swap the buffer for another and look, after four bytes
// have come in, at which of the two has changed.

#include "adder.h"

enum { READ_DONE = 2, READ = 2, BUFFER = 1 };

static void echo(void) {
    static char byte;
    for (;;) {
        allow_rw(DRIVER_CONSOLE, BUFFER, &byte, 1);
        command(DRIVER_CONSOLE, READ, 1, 0);
        upcall_args_t done = yield_wait_for(DRIVER_CONSOLE, READ_DONE);
        print("echo: read '%c' (%u), status %u\n", byte, (unsigned)byte, (unsigned)done.a);
    }
}

static void revoke(void) {
    static char first[8], second[2];
    allow_rw(DRIVER_CONSOLE, BUFFER, first, sizeof(first));
    command(DRIVER_CONSOLE, READ, 4, 0);
    allow_rw(DRIVER_CONSOLE, BUFFER, second, sizeof(second));
    print("echo: revoked\n");
    upcall_args_t done = yield_wait_for(DRIVER_CONSOLE, READ_DONE);
    print("echo: first %s, second %.*s, status %u, %u bytes\n", first[0] == 0 ? "untouched" : "WRITTEN", 2, second,
          (unsigned)done.a, (unsigned)done.b);
}

int main(void) {
    print("echo: ready\n");
    if (strcmp(app_argument(), "revoke") == 0) {
        revoke();
    } else {
        echo();
    }
    return 0;
}
