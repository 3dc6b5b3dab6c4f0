// extmod/modasyncio.c, compiled unchanged except for its variable, which is the process's, and for the time, which is what the
// loop saw last: to look at the clock is a system call. What our own loop needs besides follows it.

#include "py/gc.h"
#include "py/objgenerator.h"
#include "py/objlist.h"
#include "py/runtime.h"
#include "py/mphal.h"
#include "python_process/python_process.h"
#include "port/upstream_mention.h"

MP_REGISTER_ROOT_POINTER(mp_obj_t asyncio_context);

#define mp_asyncio_context MENTION
#define UNUSED unused_asyncio_context
#define USE (MP_STATE_PORT(asyncio_context))

#define mp_hal_ticks_ms() (python_process()->loop_ms)

static mp_obj_t task_queue_push(size_t n_args, const mp_obj_t *args);
#define task_queue_push(n_args, args) upstream_task_queue_push(n_args, args) // but its object, which is Python's, is of ours

#include "extmod/modasyncio.c"

#undef task_queue_push
#undef mp_asyncio_context
#define mp_asyncio_context_now USE

// -- What each switch of the loop in apps/library/asyncio/core.py needs ---------

static void no_loop(void) {
    mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("no running event loop"));
}

static mp_obj_t context(qstr name) {
    if (mp_asyncio_context_now == MP_OBJ_NULL) { // there has been no task yet
        no_loop();
    }
    return mp_obj_dict_get(mp_asyncio_context_now, MP_OBJ_NEW_QSTR(name));
}

// The task that runs is None if none does.
static mp_obj_t task_queue_push(size_t n_args, const mp_obj_t *args) {
    if (!mp_obj_is_type(args[1], &task_type)) {
        no_loop();
    }
    return upstream_task_queue_push(n_args, args);
}

// What sleep_ms() gives, for `await` or as a task of its own: it puts the task that runs into the queue, once.
// `until` is MP_OBJ_NULL once it sleeps.
typedef sleep_object_t sleep_t;

static mp_obj_t sleep_iternext(mp_obj_t self_in) {
    sleep_t *self = MP_OBJ_TO_PTR(self_in);
    if (self->until == MP_OBJ_NULL) {
        return MP_OBJ_STOP_ITERATION;
    }
    mp_obj_t args[3] = { context(MP_QSTR__task_queue), context(MP_QSTR_cur_task), self->until };
    self->until = MP_OBJ_NULL;
    return task_queue_push(3, args);
}

static mp_obj_t sleep_send(mp_obj_t self, mp_obj_t value) {
    (void)value;
    mp_obj_t item = sleep_iternext(self);
    if (item == MP_OBJ_STOP_ITERATION) {
        mp_raise_StopIteration(MP_OBJ_NULL);
    }
    return item;
}
static MP_DEFINE_CONST_FUN_OBJ_2(sleep_send_obj, sleep_send);

static mp_obj_t sleep_throw(mp_obj_t self, mp_obj_t exception) {
    (void)self;
    nlr_raise(mp_make_raise_obj(exception));
}
static MP_DEFINE_CONST_FUN_OBJ_2(sleep_throw_obj, sleep_throw);

static const mp_rom_map_elem_t sleep_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_send), MP_ROM_PTR(&sleep_send_obj) },
    { MP_ROM_QSTR(MP_QSTR_throw), MP_ROM_PTR(&sleep_throw_obj) },
};
static MP_DEFINE_CONST_DICT(sleep_locals, sleep_locals_table);

static MP_DEFINE_CONST_OBJ_TYPE(
    sleep_type, MP_QSTR_sleep_ms, MP_TYPE_FLAG_ITER_IS_ITERNEXT,
    iter, sleep_iternext,
    locals_dict, &sleep_locals);

#define LONG_SLEEP (1 << 28)

// sleep_ms(n): for `await`: sleep so many milliseconds, never less.
static mp_obj_t loop_sleep_ms(mp_obj_t milliseconds) {
    mp_int_t length = mp_obj_get_int(milliseconds);
    if (length >= (mp_int_t)(MICROPY_PY_TIME_TICKS_PERIOD / 2)) {
        mp_raise_msg(&mp_type_OverflowError, MP_ERROR_TEXT("ticks interval overflow"));
    }
    // With a locked heap there is one for all, as in MicroPython's own asyncio: good while each is awaited at once.
    sleep_t *self = gc_is_locked() ? &python_process()->sleep_spare : m_new_obj(sleep_t);
    self->base.type = &sleep_type;
    // What is at once, or very long, needs no look at the clock.
    uint32_t now = length > 0 && length < LONG_SLEEP ? python_process_ms_up() : python_process()->loop_ms;
    uint32_t until = now + MAX(length, 0);
    self->until = MP_OBJ_NEW_SMALL_INT(until & (MICROPY_PY_TIME_TICKS_PERIOD - 1));
    return MP_OBJ_FROM_PTR(self);
}
static MP_DEFINE_CONST_FUN_OBJ_1(loop_sleep_ms_obj, loop_sleep_ms);

// What has been woken goes behind the tasks that are due already; one that has been cancelled is among these.
static void queue_woken(mp_obj_t queue, mp_obj_list_t *woken) {
    for (size_t i = 0; i < woken->len; i++) {
        mp_obj_t args[2] = { queue, woken->items[i] };
        if (((mp_obj_task_t *)MP_OBJ_TO_PTR(args[1]))->data == mp_const_none) {
            task_queue_remove(args[0], args[1]);
            task_queue_push(2, args);
        }
    }
    woken->len = 0;
}

static mp_map_elem_t *current(mp_map_t *map) {
    return mp_map_lookup(map, MP_OBJ_NEW_QSTR(MP_QSTR_cur_task), MP_MAP_LOOKUP_ADD_IF_NOT_FOUND);
}

// Let the task run until it waits. If it ends, its StopIteration or exception is raised, and it is still the one that runs.
// That is here, so that no Ctrl-C comes between the queue and the task. One that was over is returned if nobody has asked for
// its exception.
static mp_obj_t take_turn(mp_obj_task_t *task) {
    if (TASK_IS_DONE(task)) {
        return task->state == TASK_STATE_DONE_NOT_WAITED_ON ? MP_OBJ_FROM_PTR(task) : mp_const_none;
    }
    mp_obj_t error = task->data != mp_const_none ? task->data : MP_OBJ_NULL; // it has been cancelled
    task->data = mp_const_none;
    mp_map_t *map = mp_obj_dict_get_map(mp_asyncio_context_now);
    mp_map_elem_t *table = map->table, *place = current(map);
    place->value = MP_OBJ_FROM_PTR(task);
    mp_obj_t result;
    mp_vm_return_kind_t how = mp_obj_is_type(task->coro, &mp_type_gen_instance)
        ? mp_obj_gen_resume(task->coro, mp_const_none, error, &result)
        : mp_resume(task->coro, error == MP_OBJ_NULL ? mp_const_none : MP_OBJ_NULL, error, &result);
    if (how == MP_VM_RETURN_EXCEPTION) {
        nlr_raise(result);
    }
    if (how == MP_VM_RETURN_NORMAL) {
        mp_raise_StopIteration(result == mp_const_none ? MP_OBJ_NULL : result);
    }
    if (map->table != table || place->key != MP_OBJ_NEW_QSTR(MP_QSTR_cur_task)) { // the module has more names now
        place = current(map);
    }
    place->value = mp_const_none;
    return mp_const_none;
}

// next_turn(queue, woken, streams, waits): let the first task of the queue run, if it is due. If not, sleep until an upcall has run
// or it is due. Handlers run while no task does. Returns None; True if there is no task, and neither `streams` nor anything else
// that it `waits` for; or a task (take_turn). `woken` is a list of tasks that sleep in the queue, and shall not any more.
static mp_obj_t loop_next_turn(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    mp_obj_task_queue_t *queue = MP_OBJ_TO_PTR(args[0]);
    uint64_t now;
    uint32_t left;
    bool asks_again = python_process()->asks_again; // the loop's own poll was the last
    python_process_events();
    python_process()->loop_ms = python_process_ms(&now);
    queue_woken(args[0], MP_OBJ_TO_PTR(args[1]));
    if (queue->heap != NULL) {
        int32_t wait = ticks_diff(queue->heap->ph_key, ticks());
        if (wait <= 0) {
            return take_turn(MP_OBJ_TO_PTR(task_queue_pop(args[0])));
        }
        left = wait;
    } else if (mp_obj_is_true(args[2]) || mp_obj_is_true(args[3])) {
        left = UINT32_MAX;
    } else {
        return mp_const_true;
    }
    if (mp_obj_is_true(args[2])) {
        if (python_process()->in_new) {
            python_process()->in_new = false; // it came after the streams were polled
            return mp_const_none;
        }
        left = asks_again ? MIN(left, ASK_AGAIN_MS) : left;
    }
    python_process_wait_until(left == UINT32_MAX ? UINT64_MAX : python_process_ticks_of_ms(now, left));
    mp_handle_pending(true);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(loop_next_turn_obj, 4, 4, loop_next_turn);

// take(most, how): of what has come of the console, so many bytes or characters at most (-1: all), or None if that is nothing.
static mp_obj_t loop_take(mp_obj_t most_in, mp_obj_t how_in) {
    uint32_t most = MIN((uint32_t)mp_obj_get_int(most_in), sizeof(python_process()->in)), how = mp_obj_get_int(how_in);
    vstr_t vstr;
    vstr_init(&vstr, 16);
    for (uint32_t i = 0; i < most; i++) {
        vstr_hint_size(&vstr, 4); // raises before anything is taken
        char *next = vstr.buf + vstr.len;
        unsigned length = python_process_take(next, how);
        if (length == 0 && i == 0) {
            return mp_const_none;
        }
        vstr.len += length;
        if (length == 0 || ((how & TYPED_A_LINE) && *next == '\n')) {
            break;
        }
    }
    return how & TYPED_CHARACTERS ? mp_obj_new_str_from_utf8_vstr(&vstr) : mp_obj_new_bytes_from_vstr(&vstr);
}
static MP_DEFINE_CONST_FUN_OBJ_2(loop_take_obj, loop_take);

static const mp_rom_map_elem_t loop_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR__asyncio_loop) },
    { MP_ROM_QSTR(MP_QSTR_sleep_ms), MP_ROM_PTR(&loop_sleep_ms_obj) },
    { MP_ROM_QSTR(MP_QSTR_next_turn), MP_ROM_PTR(&loop_next_turn_obj) },
    { MP_ROM_QSTR(MP_QSTR_take), MP_ROM_PTR(&loop_take_obj) },
};
static MP_DEFINE_CONST_DICT(loop_globals, loop_globals_table);

const mp_obj_module_t asyncio_loop_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&loop_globals,
};
MP_REGISTER_MODULE(MP_QSTR__asyncio_loop, asyncio_loop_module);
