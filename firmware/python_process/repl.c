// The module `repl`: MicroPython's prompt, friendly and raw, on the console of this process.

#include "py/runtime.h"
#include "python_process/python_process.h"
#include "shared/runtime/pyexec.h"

uint32_t python_process_mode(void) {
    return python_process()->pyexec_mode_kind == PYEXEC_MODE_FRIENDLY_REPL ? CLAIM_FOREGROUND : CLAIM_ALONE;
}

void python_process_executes(int c) {
    python_process_flush(); // what acknowledges the source, before what may take long
    python_process_interrupt_char(c);
    python_process_claim(python_process_mode(), c >= 0 ? CLAIM_SECONDS_BUSY : CLAIM_SECONDS_PROMPT);
}

// run(): serve the prompt until Ctrl-D. Then the interpreter starts afresh, and with it the program,
// as MicroPython's soft reset does elsewhere; a raw prompt stays raw.
static mp_obj_t repl_run(void) {
    python_process_t *process = python_process();
    process->prompt = true;
    for (;;) {
        python_process_claim(python_process_mode(), CLAIM_SECONDS_PROMPT);
        int ended = process->pyexec_mode_kind == PYEXEC_MODE_FRIENDLY_REPL ? pyexec_friendly_repl() : pyexec_raw_repl();
        if (ended & PYEXEC_FORCED_EXIT) {
            process->soft_reset = true;
            mp_raise_type(&mp_type_SystemExit);
        }
    }
}
static MP_DEFINE_CONST_FUN_OBJ_0(repl_run_obj, repl_run);

static const mp_rom_map_elem_t repl_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_repl) },
    { MP_ROM_QSTR(MP_QSTR_run), MP_ROM_PTR(&repl_run_obj) },
};
static MP_DEFINE_CONST_DICT(repl_globals, repl_globals_table);

const mp_obj_module_t repl_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&repl_globals,
};
MP_REGISTER_MODULE(MP_QSTR_repl, repl_module);
