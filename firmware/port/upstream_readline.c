// shared/readline/readline.c, compiled unchanged but for its variable: it is the process's.

#include "py/runtime.h"
#include "python_process/python_process.h"

// Upstream's `static readline_t rl;` becomes the declaration of a function that returns a pointer,
// and each use of `rl` a call of it.
#define rl (*readline_of_process())

#include "shared/readline/readline.c"

#undef rl

static readline_t *readline_of_process(void) {
    _Static_assert(sizeof(readline_t) <= sizeof(((python_process_t *)0)->readline), "make room in python_process_t");
    return (readline_t *)python_process()->readline;
}
