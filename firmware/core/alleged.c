// What a process says of memory: see alleged.h.

#include "core/alleged.h"

// The linker script puts the interpreter apart from the rest of the kernel.
extern uint8_t _interpreter_start, _interpreter_end;

bool alleged_in_interpreter(alleged_t alleged) {
    return alleged_within(alleged, (uint32_t)&_interpreter_start, (uint32_t)&_interpreter_end);
}
