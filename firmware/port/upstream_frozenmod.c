// In place of py/frozenmod.c: where a frozen module is. Upstream reads all names up to it, several times an import; here
// their lengths are known (adder/build/freeze.py).

#include <string.h>

#include "py/builtin.h"
#include "py/emitglue.h"
#include "py/frozenmod.h"
#include "core/wired.h"

extern const char mp_frozen_names[];
extern const uint8_t mp_frozen_name_lengths[];
extern const mp_frozen_module_t *const mp_frozen_mpy_content[];

static const frozen_list_t of_all = { mp_frozen_names, mp_frozen_name_lengths, mp_frozen_mpy_content };

// The kernel's modules, which its sys.path names and a process's does not. A process that asks for them all the same reads
// what it may not.
static const frozen_list_t *list_of(const char *path) {
    static const char folder[] = ".kernel/";
    if (strncmp(path, folder, sizeof(folder) - 1) != 0) {
        return &of_all;
    }
    return is_wired() ? NULL : &_wired.wiring->frozen;
}

mp_import_stat_t mp_find_frozen_module(const char *path, int *type, void **data) {
    size_t length = strlen(path);
    if (type != NULL) {
        *type = MP_FROZEN_NONE;
    }
    const frozen_list_t *list = list_of(path);
    if (list == NULL) {
        return MP_IMPORT_STAT_NO_EXIST;
    }
    const char *name = list->names;
    const uint8_t *lengths = list->lengths;
    for (size_t i = 0; lengths[i] != 0; name += lengths[i++] + 1) {
        bool whole = lengths[i] == length;
        if (!whole && (lengths[i] < length || name[length] != '/')) {
            continue;
        }
        if (memcmp(path, name, length) == 0) {
            if (whole && type != NULL) {
                *type = MP_FROZEN_MPY;
                *data = (void *)list->content[i];
            }
            return whole ? MP_IMPORT_STAT_FILE : MP_IMPORT_STAT_DIR;
        }
    }
    return MP_IMPORT_STAT_NO_EXIST;
}
