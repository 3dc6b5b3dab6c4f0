// ProcessId: which process, and in which of its lives; under which number its program stores.

#include "kernel/process_id.h"
#include "py/runtime.h"

static void process_id_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    process_id_t *self = MP_OBJ_TO_PTR(self_in);
    if (dest[0] != MP_OBJ_NULL) {
        return;
    }
    if (attr == MP_QSTR_slot) {
        dest[0] = MP_OBJ_NEW_SMALL_INT(self->slot);
    } else if (attr == MP_QSTR_number) {
        dest[0] = MP_OBJ_NEW_SMALL_INT(self->id);
    } else if (attr == MP_QSTR_write_id) {
        dest[0] = mp_obj_new_int_from_uint(process_from_id(self_in) != NULL && self->process->tbf.has_storage ? self->process->tbf.storage_write_id : 0);
    }
}

MP_DEFINE_CONST_OBJ_TYPE(process_id_type, MP_QSTR_ProcessId, MP_TYPE_FLAG_NONE, attr, process_id_attr);

process_t *process_from_id(mp_obj_t id_in) {
    if (!mp_obj_is_type(id_in, &process_id_type)) {
        mp_raise_TypeError(MP_ERROR_TEXT("a ProcessId is needed"));
    }
    process_id_t *id = MP_OBJ_TO_PTR(id_in);
    return id->process->id == id->id ? id->process : NULL;
}
