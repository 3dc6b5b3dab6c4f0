// Included by extmod/modos.c: os.urandom(n) is adder.rng.read(n).

static mp_obj_t mp_os_urandom(mp_obj_t count) {
    mp_obj_t method[3];
    mp_obj_t rng = mp_import_name(MP_QSTR_adder_dot_rng, mp_const_true, MP_OBJ_NEW_SMALL_INT(0));
    mp_load_method(rng, MP_QSTR_read, method);
    method[2] = count;
    return mp_call_method_n_kw(1, 0, method);
}
static MP_DEFINE_CONST_FUN_OBJ_1(mp_os_urandom_obj, mp_os_urandom);
