// py/repl.c, compiled unchanged except for where the Tab key looks a name up: in the process's own __main__. Upstream's is an
// object in flash, whose names are the kernel's.

#include <string.h>

#include "py/builtin.h"
#include "py/obj.h"
#include "py/objmodule.h"
#include "py/runtime.h"
#include "py/repl.h" // last: it needs what runtime.h includes

static mp_obj_t main_of_process(void) {
    mp_map_t *loaded = &MP_STATE_VM(mp_loaded_modules_dict).map;
    mp_map_elem_t *found = mp_map_lookup(loaded, MP_OBJ_NEW_QSTR(MP_QSTR___main__), MP_MAP_LOOKUP);
    return found != NULL ? found->value : mp_const_none; // None has nothing to complete
}

#define mp_module___main__ (*(mp_obj_module_t *)MP_OBJ_TO_PTR(main_of_process()))

#include "py/repl.c"
