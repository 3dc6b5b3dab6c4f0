// In place of py/frozenmod.c: where a frozen module is. Upstream reads all names up to it, several times an import; here
// their lengths are known (adder/build/freeze.py).

#include <string.h>

#include "py/builtin.h"
#include "py/emitglue.h"
#include "py/frozenmod.h"

extern const char mp_frozen_names[];
extern const uint8_t mp_frozen_name_lengths[]; // 0 ends the list
extern const mp_frozen_module_t *const mp_frozen_mpy_content[];

mp_import_stat_t mp_find_frozen_module(const char *path, int *type, void **data) {
    size_t length = strlen(path);
    const char *name = mp_frozen_names;
    if (type != NULL) {
        *type = MP_FROZEN_NONE;
    }
    for (size_t i = 0; mp_frozen_name_lengths[i] != 0; name += mp_frozen_name_lengths[i++] + 1) {
        bool whole = mp_frozen_name_lengths[i] == length;
        if (!whole && (mp_frozen_name_lengths[i] < length || name[length] != '/')) {
            continue;
        }
        if (memcmp(path, name, length) == 0) {
            if (whole && type != NULL) {
                *type = MP_FROZEN_MPY;
                *data = (void *)mp_frozen_mpy_content[i];
            }
            return whole ? MP_IMPORT_STAT_FILE : MP_IMPORT_STAT_DIR;
        }
    }
    return MP_IMPORT_STAT_NO_EXIST;
}
