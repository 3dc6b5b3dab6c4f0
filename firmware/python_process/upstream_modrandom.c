// extmod/modrandom.c, compiled unchanged except for its variables: they are the process's.

#include "py/runtime.h"
#include "python_process/python_process.h"

// As for a dynamic native module, upstream leaves out its variables and its table of names, which
// follows here. Without seeding on import: the table's __init__ does that, once a process.
#undef MICROPY_ENABLE_DYNRUNTIME
#define MICROPY_ENABLE_DYNRUNTIME (1)
#undef MICROPY_MODULE_BUILTIN_INIT
#define MICROPY_MODULE_BUILTIN_INIT (0)

#define yasmarang_pad (python_process()->random_pad)
#define yasmarang_n (python_process()->random_n)
#define yasmarang_d (python_process()->random_d)
#define yasmarang_dat (python_process()->random_dat)

#include "extmod/modrandom.c"

static mp_obj_t random_init(void) {
    if (yasmarang_n == 0) {
        mod_random_seed(0, NULL);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(random_init_obj, random_init);

static const mp_rom_map_elem_t random_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_random) },
    { MP_ROM_QSTR(MP_QSTR___init__), MP_ROM_PTR(&random_init_obj) },
    { MP_ROM_QSTR(MP_QSTR_getrandbits), MP_ROM_PTR(&mod_random_getrandbits_obj) },
    { MP_ROM_QSTR(MP_QSTR_seed), MP_ROM_PTR(&mod_random_seed_obj) },
    { MP_ROM_QSTR(MP_QSTR_randrange), MP_ROM_PTR(&mod_random_randrange_obj) },
    { MP_ROM_QSTR(MP_QSTR_randint), MP_ROM_PTR(&mod_random_randint_obj) },
    { MP_ROM_QSTR(MP_QSTR_choice), MP_ROM_PTR(&mod_random_choice_obj) },
    { MP_ROM_QSTR(MP_QSTR_random), MP_ROM_PTR(&mod_random_random_obj) },
    { MP_ROM_QSTR(MP_QSTR_uniform), MP_ROM_PTR(&mod_random_uniform_obj) },
};
static MP_DEFINE_CONST_DICT(random_globals, random_globals_table);

const mp_obj_module_t mp_module_random = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&random_globals,
};
