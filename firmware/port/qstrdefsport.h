// Qstrs that no source file names by MP_QSTR_: none.
