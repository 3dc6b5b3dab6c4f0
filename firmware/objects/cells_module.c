// The module `cells`, which every capsule may import: values with one owner.

#include "core/take_cell.h"
#include "objects/buffer.h"
#include "py/runtime.h"

static const mp_rom_map_elem_t cells_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_cells) },
    { MP_ROM_QSTR(MP_QSTR_Buffer), MP_ROM_PTR(&buffer_type) },
    { MP_ROM_QSTR(MP_QSTR_TakeCell), MP_ROM_PTR(&take_cell_type) },
};
static MP_DEFINE_CONST_DICT(cells_globals, cells_globals_table);

const mp_obj_module_t cells_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&cells_globals,
};
