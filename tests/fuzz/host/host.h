// The kernel on this machine, for programs that a fuzzer makes: see host.c.

#pragma once

#include <stdbool.h>
#include <stddef.h>

// A point at which a time-out can come; `late` if nothing looks for one before the next.
void host_point(bool late);

// Whether an allocation is to fail now.
bool host_heap_is_full(void);
