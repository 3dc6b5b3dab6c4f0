// shared/runtime/pyexec.c, compiled unchanged except for its variable, which is the process's, and that the console is told
// when it executes something.

#include "py/compile.h"
#include "py/gc.h"
#include "py/runtime.h"
#include "python_process/python_process.h"
#include "shared/runtime/pyexec.h"
#include "shared/runtime/interrupt_char.h"
#include "port/upstream_mention.h"

#define mp_hal_set_interrupt_char python_process_executes

#define pyexec_mode_kind MENTION
#define UNUSED unused_pyexec_mode_kind
#define USE (python_process()->pyexec_mode_kind)

#include "shared/runtime/pyexec.c"
