// py/modsys.c, compiled unchanged except for sys.argv and sys.modules.
//
// Upstream lists them with their addresses in a constant table. Behind the state pointer these are no
// constants, so they are looked up when asked for.

#include "py/builtin.h"
#include "py/objlist.h"
#include "py/objmodule.h"
#include "py/objstr.h"
#include "py/objtuple.h"
#include "py/runtime.h"

#undef MICROPY_PY_SYS_ARGV
#undef MICROPY_PY_SYS_MODULES
#define MICROPY_PY_SYS_ARGV (0)
#define MICROPY_PY_SYS_MODULES (0)
#define mp_module_sys_attr upstream_sys_attr

#include "py/modsys.c"

#undef mp_module_sys_attr

void mp_module_sys_attr(mp_obj_t self, qstr attribute, mp_obj_t *destination) {
    if (destination[0] == MP_OBJ_NULL && attribute == MP_QSTR_argv) {
        destination[0] = MP_OBJ_FROM_PTR(&MP_STATE_VM(mp_sys_argv_obj));
    } else if (destination[0] == MP_OBJ_NULL && attribute == MP_QSTR_modules) {
        destination[0] = MP_OBJ_FROM_PTR(&MP_STATE_VM(mp_loaded_modules_dict));
    } else {
        upstream_sys_attr(self, attribute, destination);
    }
}
