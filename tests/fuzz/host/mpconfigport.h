// The kernel's own configuration (firmware/port/mpconfigport.h) on a 32-bit x86: only what the machine forces differs.

#include <alloca.h>
#include <stddef.h>
#include <stdint.h>

#include "machine.h"

// There, the interpreter's state is reached through a register; here, through a variable of that name.
#define register extern
#include "../../../firmware/port/mpconfigport.h"
#undef register

// Machine code is made by the same emitters (py/emitnative.c), with the assembler of this machine.
#undef MICROPY_EMIT_THUMB
#undef MICROPY_EMIT_INLINE_THUMB
#undef MICROPY_MAKE_POINTER_CALLABLE
#undef MP_PLAT_COMMIT_EXEC
#define MICROPY_EMIT_X86 (1)
void host_code_alloc(size_t size, void **code, size_t *got);
#define MP_PLAT_ALLOC_EXEC(size, code, got) host_code_alloc(size, (void **)(code), got)
#define MP_PLAT_FREE_EXEC(code, size)

#define MICROPY_GCREGS_SETJMP (1)
#define MICROPY_HW_ENABLE_RNG (0)

// What only processes have, and the verifier keeps from capsules.
#undef MICROPY_VFS
#undef MICROPY_VFS_ROM
#undef MICROPY_READER_VFS
#undef MICROPY_PY_SYS_STDFILES
#undef MICROPY_PY_SYS_STDIO_BUFFER
#define MICROPY_VFS (0)
#define MICROPY_READER_VFS (0)
#define MICROPY_PY_IO (0)
#define MICROPY_PY_OS (0)
#define MICROPY_PY_TIME (0)
#define MICROPY_PY_RANDOM (0)
#define MICROPY_PY_SELECT (0)
#define MICROPY_PY_ASYNCIO (0)
#define MICROPY_PY_FRAMEBUF (0)
#define MICROPY_PY_MACHINE (0)
#define MICROPY_HELPER_REPL (0)
#define MICROPY_REPL_AUTO_INDENT (0)
#define MICROPY_PY_SYS_STDFILES (0)
#define MICROPY_PY_BUILTINS_INPUT (0)
#define MICROPY_PY_BUILTINS_HELP (0)
#define MICROPY_PY_BUILTINS_EXECFILE (0)
#define MICROPY_PY_JSON (0)

// Frames are larger here, those of the sanitizer's own functions above all.
#undef MICROPY_STACK_CHECK_MARGIN
#define MICROPY_STACK_CHECK_MARGIN (6 * 1024)

// For processes: there is none here that runs.
#undef MICROPY_VM_HOOK_LOOP
#undef MICROPY_VM_HOOK_RETURN
