// py/runtime.c, compiled unchanged except for one initialiser, and for what is raised when memory is full.
//
// runtime.c defines the module __main__ with `.globals = &MP_STATE_VM(dict_main)`. With the state
// behind a pointer that is not a constant. The two macros below turn the definition into the body of
// an unused function, where an initialiser may be computed; the real object is defined after it.

// Every header that runtime.c includes, so that the macros below meet none of them.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <assert.h>

#include "py/parsenum.h"
#include "py/compile.h"
#include "py/mperrno.h"
#include "py/objstr.h"
#include "py/objtuple.h"
#include "py/objlist.h"
#include "py/objtype.h"
#include "py/objmodule.h"
#include "py/objgenerator.h"
#include "py/smallint.h"
#include "py/stream.h"
#include "py/runtime.h"
#include "py/builtin.h"
#include "py/stackctrl.h"
#include "py/gc.h"

#include "extmod/vfs.h"
#define mp_vfs_mount_romfs_protected() // python_process/main.c mounts

#include "core/running.h"
#include "kernel/contain.h"

#define m_malloc_fail upstream_malloc_fail
static __attribute__((noreturn, unused)) void upstream_malloc_fail(size_t bytes);

#undef MP_REGISTER_MODULE
#define mp_module___main__ unused; \
    static __attribute__((unused)) void main_module_of_upstream(void) { \
    const __attribute__((unused)) mp_obj_module_t unused_too
#define MP_REGISTER_MODULE(name, module) }

#include "py/runtime.c"

#undef mp_module___main__
#undef m_malloc_fail

__attribute__((noreturn)) void python_process_no_memory(size_t bytes);

void m_malloc_fail(size_t bytes) {
    if (in_kernel()) {
        contain_no_memory();
    }
    python_process_no_memory(bytes);
}

// The kernel's own __main__: the kernel's state has a fixed address.
const mp_obj_module_t mp_module___main__ = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&kernel_python_state.vm.dict_main,
};
