// py/bc.c, compiled unchanged, but a call without keywords, stars and cells gets its frame on a short way.

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <assert.h>

#include "py/bc0.h"
#include "py/bc.h"
#include "py/objfun.h"

#define mp_setup_code_state upstream_setup_code_state
#define mp_setup_code_state_native upstream_setup_code_state_native
#include "py/bc.c"
#undef mp_setup_code_state
#undef mp_setup_code_state_native

#define SPECIAL (MP_SCOPE_FLAG_VARARGS | MP_SCOPE_FLAG_VARKEYWORDS | MP_SCOPE_FLAG_DEFKWARGS)

_Static_assert(offsetof(mp_code_state_t, state) == offsetof(mp_code_state_native_t, state), "one is taken for the other");

// `ip`: the function's prelude. False, and nothing done, if there is something special.
static inline bool set_up(mp_code_state_t *code_state, const byte *ip, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    size_t n_state, n_handlers, flags, n_positional, n_keyword, n_defaults;
    MP_BC_PRELUDE_SIG_DECODE_INTO(ip, n_state, n_handlers, flags, n_positional, n_keyword, n_defaults);
    MP_BC_PRELUDE_SIZE_DECODE(ip);
    if (n_kw + n_keyword + n_cell != 0 || flags & SPECIAL || n_args > n_positional || n_args + n_defaults < n_positional) {
        return false;
    }
    (void)n_handlers;
    n_state = code_state->n_state;
    mp_obj_t *local = code_state->state, *argument = local + n_state;
    code_state->ip = ip + n_info;
    code_state->sp = local - 1;
    code_state->exc_sp_idx = 0;
    while (local != argument - n_positional) {
        *local++ = MP_OBJ_NULL;
    }
    const mp_obj_t *defaults = code_state->fun_bc->extra_args + n_defaults - n_positional;
    for (size_t i = 0; i < n_positional; i++) {
        *--argument = i < n_args ? args[i] : defaults[i];
    }
    return true;
}

void mp_setup_code_state(mp_code_state_t *code_state, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    if (!set_up(code_state, code_state->fun_bc->bytecode, n_args, n_kw, args)) {
        upstream_setup_code_state(code_state, n_args, n_kw, args);
    }
}

void mp_setup_code_state_native(mp_code_state_native_t *code_state, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    if (!set_up((mp_code_state_t *)code_state, mp_obj_fun_native_get_prelude_ptr(code_state->fun_bc), n_args, n_kw, args)) {
        upstream_setup_code_state_native(code_state, n_args, n_kw, args);
    }
}
