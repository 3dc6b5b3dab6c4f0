// Commands: the hot path from a process to a capsule. Arguments and results are machine words: no
// object is made for them.

#include "kernel/abi.h"
#include "kernel/command.h"
#include "kernel/command_return.h"
#include "kernel/contain.h"
#include "kernel/log.h"
#include "py/objint.h"
#include "py/runtime.h"
#include "py/smallint.h"

// -- Arguments ----------------------------------------------------------------

// Any number as an object, for functions that turn their arguments into machine words
// before anything else, so that none can keep these objects, which the next call overwrites.
typedef struct {
    mp_obj_int_t number;
    mpz_dig_t digits[(32 + MPZ_DIG_SIZE - 1) / MPZ_DIG_SIZE];
} word_object_t;

static mp_obj_t word_object(word_object_t *object, uint32_t value) {
    object->number.base.type = &mp_type_int;
    object->number.mpz = (mpz_t) { .neg = 0, .fixed_dig = 1, .alloc = MP_ARRAY_SIZE(object->digits), .dig = object->digits };
    for (; value != 0; value >>= MPZ_DIG_SIZE) {
        object->digits[object->number.mpz.len++] = value & ((1u << MPZ_DIG_SIZE) - 1);
    }
    return MP_OBJ_FROM_PTR(&object->number);
}

// -- The call -----------------------------------------------------------------

// Safety: runs Python on behalf of a process. Whatever that does, it comes back here: by returning
// or by raising. `frame` is the process's exception frame, stacked under the MPU's eye.
void capsule_command(driver_t *driver, process_t *process, exception_frame_t *frame) {
    static word_object_t words[3];
    if (driver->entry == NULL) {
        syscall_fail(frame, ERROR_NODEVICE);
        return;
    }
    mp_obj_t args[5];
    args[0] = driver->self;
    if ((frame->r1 | frame->r2 | frame->r3) <= (uint32_t)MP_SMALL_INT_MAX) {
        args[1] = MP_OBJ_NEW_SMALL_INT(frame->r1);
        args[2] = MP_OBJ_NEW_SMALL_INT(frame->r2);
        args[3] = MP_OBJ_NEW_SMALL_INT(frame->r3);
    } else if (driver->shape.takes_words) {
        args[1] = word_object(&words[0], frame->r1);
        args[2] = word_object(&words[1], frame->r2);
        args[3] = word_object(&words[2], frame->r3);
    } else {
        args[1] = MP_OBJ_NULL; // may need memory: below, where failing is caught
    }
    args[4] = process->id_object;
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        contain_called = driver->function;
        contain_failed(driver->shape.capsule, MP_OBJ_FROM_PTR(nlr.ret_val), "command", frame->r1);
        if (current_process == process) {
            syscall_fail(frame, ERROR_FAIL);
        }
        return;
    }
    contain_enter(driver->shape.capsule);
    command_return_words[0] = command_return_words[1] = 0; // a capsule may have kept a result of an earlier command
    if (args[1] == MP_OBJ_NULL) {
        args[1] = mp_obj_new_int_from_uint(frame->r1);
        args[2] = mp_obj_new_int_from_uint(frame->r2);
        args[3] = mp_obj_new_int_from_uint(frame->r3);
    }
    mp_globals_set(driver->globals);
    mp_obj_t result = driver->entry(driver->function, 5, 0, args);
    contain_leave();
    nlr_pop();
    if (current_process != process) { // the command has ended it: where the frame was may be another's record
        return;
    }
    if (mp_obj_is_small_int(result)) {
        mp_int_t error = MP_OBJ_SMALL_INT_VALUE(result);
        if (error > 0 && error <= ERROR_NOACK) {
            syscall_fail(frame, error);
            return;
        }
    } else if (mp_obj_is_obj(result) && ((mp_obj_base_t *)MP_OBJ_TO_PTR(result))->type == &command_return_type) {
        // Only the registers that the variant names: apps keep live values in the others.
        uint32_t variant = ((command_return_t *)MP_OBJ_TO_PTR(result))->variant;
        frame->r0 = variant;
        if (variant != RETURN_SUCCESS) {
            frame->r1 = command_return_words[0];
        }
        if (variant >= RETURN_SUCCESS_U32_U32) {
            frame->r2 = command_return_words[1];
        }
        return;
    }
    kernel_printf("kernel: the command of driver 0x%x returned neither success nor an error\n", (unsigned)driver->number);
    syscall_fail(frame, ERROR_FAIL);
}
