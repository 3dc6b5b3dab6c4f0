// shared/runtime/pyexec.c, compiled unchanged except for its variable: it is the process's.

#include "py/compile.h"
#include "py/gc.h"
#include "py/runtime.h"
#include "python_process/python_process.h"
#include "shared/runtime/pyexec.h"
#include "port/upstream_mention.h"

#define pyexec_mode_kind MENTION
#define UNUSED unused_pyexec_mode_kind
#define USE (python_process()->pyexec_mode_kind)

#include "shared/runtime/pyexec.c"
