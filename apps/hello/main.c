// Hello: the smallest app that shows it is alive.
//
// Shows:   text on the console, sleeping, reading one's own name from the TBF header.
// Build:   make apps                  (build/apps/hello.tbf, hello-fixed.tbf, …)
// Run:     make run APPS="hello"
// Expect:  hello: hello, 1 of 5
//          hello: hello, 2 of 5
//          … one line a second, then the app ends with completion code 0.
//
// The argument is the number of greetings; 5 if there is none.

#include "adder.h"

int main(void) {
    size_t length;
    const char *name = app_name(&length);
    uint32_t count = parse_number(app_argument(), 5);
    for (uint32_t i = 1; i <= count; i++) {
        print("%.*s: hello, %u of %u\n", (int)length, name, (unsigned)i, (unsigned)count);
        if (i < count) {
            sleep_ms(1000);
        }
    }
    return 0;
}
