// The Tock 2 system-call interface: numbers. TRD104.

#ifndef ADDER_KERNEL_ABI_H
#define ADDER_KERNEL_ABI_H

#include "core/process.h"

enum {
    RETURN_FAILURE = 0,
    RETURN_FAILURE_U32 = 1,
    RETURN_FAILURE_U32_U32 = 2,
    RETURN_SUCCESS = 128,
    RETURN_SUCCESS_U32 = 129,
    RETURN_SUCCESS_U32_U32 = 130,
    RETURN_SUCCESS_U64 = 131,
};

enum {
    ERROR_FAIL = 1,
    ERROR_BUSY,
    ERROR_ALREADY,
    ERROR_OFF,
    ERROR_RESERVE,
    ERROR_INVAL,
    ERROR_SIZE,
    ERROR_CANCEL,
    ERROR_NOMEM,
    ERROR_NOSUPPORT,
    ERROR_NODEVICE,
    ERROR_UNINSTALLED,
    ERROR_NOACK,
};

static inline void syscall_fail(exception_frame_t *frame, uint32_t error) {
    frame->r0 = RETURN_FAILURE;
    frame->r1 = error;
}

static inline void syscall_succeed_u32(exception_frame_t *frame, uint32_t value) {
    frame->r0 = RETURN_SUCCESS_U32;
    frame->r1 = value;
}

#endif
