// MicroPython 1.25.0 as the language of a kernel and of its processes. Options are grouped; each
// group says why.

#include <stdbool.h>
#include <stdint.h>
#include <alloca.h>

#include "memory_map.h" // for BOARD_TITLE

// -- The interpreter's state is reached through a register --------------------
// r9 belongs to the context, so the one interpreter in flash serves the kernel and, each with its own
// state, any number of processes. All C is compiled with -ffixed-r9. The kernel sets it whenever it
// begins to run Python (core/context_switch); a process that changes its own confuses itself.
#ifndef ADDER_BARE // a build without processes, to measure what the register costs
struct _mp_state_ctx_t;
register struct _mp_state_ctx_t *mp_state_ctx_register __asm ("r9");
static inline struct _mp_state_ctx_t *mp_state_ctx_now(void) { // a function: upstream declares `mp_state_ctx`
    return mp_state_ctx_register;
}
#define mp_state_ctx (*mp_state_ctx_now())
#endif

// -- Feature level: what a Python programmer expects of a microcontroller -----
#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)
#define MICROPY_ENABLE_COMPILER (1)
#define MICROPY_LONGINT_IMPL (MICROPY_LONGINT_IMPL_MPZ)
#define MICROPY_FLOAT_IMPL (MICROPY_FLOAT_IMPL_FLOAT)
#define MICROPY_WARNINGS (1)
#define MICROPY_PY_SYS_PLATFORM "adder"
#define MICROPY_BANNER_MACHINE BOARD_TITLE
#define MICROPY_HW_BOARD_NAME BOARD_TITLE
#define MICROPY_HW_MCU_NAME "Cortex-M4F"

// -- Speed: a system call into Python should cost what one into Rust costs ----
#define MICROPY_OPT_COMPUTED_GOTO (1)
#define MICROPY_OPT_MAP_LOOKUP_CACHE (1)
// 256 places: with 128, two hot names that met in one place made an interrupt up to 20 % longer, whatever had moved their numbers.
// Not in parentheses: py/map.c takes `(name >> 2) % SIZE`, of a name an even number. So this divides by two what
// is left, and a name shares its place with each 256th, not with each 128th (port/quick.h).
#define MICROPY_OPT_MAP_LOOKUP_CACHE_SIZE 512 / 2
#define MICROPY_OPT_LOAD_ATTR_FAST_PATH (1)
#define MICROPY_PERSISTENT_CODE_LOAD (1)
#define MICROPY_EMIT_THUMB (1)
#define MICROPY_EMIT_INLINE_THUMB (1)
#define MICROPY_MAKE_POINTER_CALLABLE(p) ((void *)((mp_uint_t)(p) | 1))

// Machine code that was compiled or loaded into RAM runs only where the MPU lets it.
void *commit_executable(void *code, size_t length, void *relocation);
#define MP_PLAT_COMMIT_EXEC(code, length, relocation) commit_executable(code, length, relocation)

// -- Memory: frames have a stack of their own ---------------------------------
#define MICROPY_ENABLE_GC (1)
#define MICROPY_ENABLE_PYSTACK (1)
#define MICROPY_MEM_STATS (1)
#define MICROPY_STACK_CHECK (1)
#define MICROPY_STACK_CHECK_MARGIN (1568) // tests/host/test_recursion.py computes what has to fit into it
#define MICROPY_ENABLE_EMERGENCY_EXCEPTION_BUF (1)
#define MICROPY_EMERGENCY_EXCEPTION_BUF_SIZE (128)
#define MICROPY_MALLOC_USES_ALLOCATED_SIZE (1)

// -- Modules for processes. The kernel's Python gets none of them: its verifier and its sys.path
//    know only its own.
#define MICROPY_VFS (1) // an app's files lie in its flash as a ROM file system; code runs in place
#define MICROPY_VFS_ROM (1)
#define MICROPY_VFS_ROM_IOCTL (1)
#define MICROPY_READER_VFS (1)
// Errors have the names by which mpremote knows what to say; littlefs's are among them.
#define MP_ENOTEMPTY (39)
#define MICROPY_PY_ERRNO_LIST \
    X(EPERM) X(ENOENT) X(EIO) X(EBADF) X(EAGAIN) X(ENOMEM) X(EACCES) X(EBUSY) X(EEXIST) X(ENODEV) X(ENOTDIR) X(EISDIR) \
    X(EINVAL) X(EFBIG) X(ENOSPC) X(EROFS) X(ENOTEMPTY) X(EOPNOTSUPP) X(EADDRINUSE) X(ECONNABORTED) X(ECONNRESET) \
    X(ENOBUFS) X(ENOTCONN) X(ETIMEDOUT) X(ECONNREFUSED) X(EHOSTUNREACH) X(EALREADY) X(EINPROGRESS)
#define MICROPY_PY_SYS_STDFILES (1)
#define MICROPY_PY_SYS_STDIO_BUFFER (1)
#define MICROPY_PY_TIME_INCLUDEFILE "python_process/modtime.h"
#define MICROPY_PY_TIME_GMTIME_LOCALTIME_MKTIME (1)
#define MICROPY_PY_TIME_TIME_TIME_NS (1)
#define MICROPY_EPOCH_IS_1970 (1)
#define MICROPY_PY_RANDOM_SEED_INIT_FUNC (python_process_seed())
#define MICROPY_PY_OS_UNAME (1)
#define MICROPY_PY_OS_URANDOM (1)
#define MICROPY_PY_OS_INCLUDEFILE "python_process/modos.h"
#define MICROPY_PY_DEFLATE (1)
#define MICROPY_KBD_EXCEPTION (1)
uint32_t python_process_seed(void);
void python_process_wait(int32_t milliseconds);
#define MICROPY_INTERNAL_WFE(milliseconds) python_process_wait(milliseconds)
// At each jump back in bytecode: has a byte been typed? (python_process.h) No byte of UTF-8 is 0xff.
bool python_process_typed(void);
#define TYPED_NOTHING (0xff)
#define TYPED_BLOCK (32)
#define MICROPY_VM_HOOK_LOOP if (MP_STATE_PORT(typed)[0] != TYPED_NOTHING) { python_process_typed(); }

// -- What nobody may have: hardware -------------------------------------------
#define MICROPY_PY_MACHINE (0)

// -- The machine --------------------------------------------------------------
#define MP_SSIZE_MAX (0x7fffffff)
#define UINT_FMT "%lu"
#define INT_FMT "%ld"
typedef int32_t mp_int_t;
typedef uint32_t mp_uint_t;
typedef long mp_off_t;
#define MP_STATE_PORT MP_STATE_VM
#define MP_NEED_LOG2 (1)
