// The module `repl`: MicroPython's prompt, friendly and raw, on the console of this process.

#include "py/runtime.h"
#include "python_process/python_process.h"
#include "shared/readline/readline.h"
#include "shared/runtime/pyexec.h"

uint32_t python_process_mode(void) {
    return python_process()->pyexec_mode_kind == PYEXEC_MODE_FRIENDLY_REPL ? CLAIM_FOREGROUND : CLAIM_ALONE;
}

void python_process_executes(int c) {
    python_process_flush(); // what acknowledges the source, before what may take long
    python_process_interrupt_char(c);
    python_process_claim(python_process_mode(), c >= 0 ? CLAIM_SECONDS_BUSY : CLAIM_SECONDS_PROMPT);
}

// run(raw=False): serve the prompt until Ctrl-D. Then the interpreter starts afresh, and with it the program,
// as MicroPython's soft reset does elsewhere; a raw prompt stays raw. With True, the raw prompt alone, until Ctrl-B.
static mp_obj_t repl_run(size_t n, const mp_obj_t *args) {
    python_process_t *process = python_process();
    const bool only_raw = n != 0 && mp_obj_is_true(args[0]);
    // Whoever calls, what is typed belongs to __main__.
    mp_obj_dict_t *globals = mp_globals_get(), *locals = mp_locals_get();
    mp_globals_set(&MP_STATE_VM(dict_main));
    mp_locals_set(&MP_STATE_VM(dict_main));
    process->prompt = true;
    if (only_raw) {
        process->pyexec_mode_kind = PYEXEC_MODE_RAW_REPL;
    }
    while (!only_raw || process->pyexec_mode_kind == PYEXEC_MODE_RAW_REPL) {
        python_process_claim(python_process_mode(), CLAIM_SECONDS_PROMPT);
        int ended = process->pyexec_mode_kind == PYEXEC_MODE_FRIENDLY_REPL ? pyexec_friendly_repl() : pyexec_raw_repl();
        if (ended & PYEXEC_FORCED_EXIT) {
            process->soft_reset = true;
            mp_raise_type(&mp_type_SystemExit);
        }
    }
    mp_globals_set(globals);
    mp_locals_set(locals);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(repl_run_obj, 0, 1, repl_run);

// is_raw(): whether the prompt is raw, or was when the interpreter was reset.
static mp_obj_t repl_is_raw(void) {
    return mp_obj_new_bool(python_process()->pyexec_mode_kind == PYEXEC_MODE_RAW_REPL);
}
static MP_DEFINE_CONST_FUN_OBJ_0(repl_is_raw_obj, repl_is_raw);

// read_line(prompt): a line that is typed in the foreground, edited as at the prompt; or the number of the control character that ended it.
static mp_obj_t repl_read_line(mp_obj_t prompt) {
    vstr_t line;
    vstr_init(&line, 32);
    python_process()->prompt = true;
    python_process_claim(CLAIM_FOREGROUND, CLAIM_SECONDS_PROMPT);
    int ended = readline(&line, mp_obj_str_get_str(prompt));
    return ended != 0 ? MP_OBJ_NEW_SMALL_INT(ended) : mp_obj_new_str_from_vstr(&line);
}
static MP_DEFINE_CONST_FUN_OBJ_1(repl_read_line_obj, repl_read_line);

static const mp_rom_map_elem_t repl_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_repl) },
    { MP_ROM_QSTR(MP_QSTR_run), MP_ROM_PTR(&repl_run_obj) },
    { MP_ROM_QSTR(MP_QSTR_is_raw), MP_ROM_PTR(&repl_is_raw_obj) },
    { MP_ROM_QSTR(MP_QSTR_read_line), MP_ROM_PTR(&repl_read_line_obj) },
};
static MP_DEFINE_CONST_DICT(repl_globals, repl_globals_table);

const mp_obj_module_t repl_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&repl_globals,
};
MP_REGISTER_MODULE(MP_QSTR_repl, repl_module);
