// ProcessControl: the power over processes.

#include <string.h>

#include "core/alleged.h"
#include "kernel/contain.h"
#include "kernel/fault.h"
#include "kernel/log.h"
#include "kernel/process.h"
#include "objects/interrupt_line.h"
#include "objects/process_control.h"
#include "objects/user_buffer.h"
#include "py/objstr.h"
#include "py/runtime.h"

// What can be asked of a process, by name; all are 32-bit words of process_t.
#define FACT(name) { MP_QSTR_##name, offsetof(process_t, name) }
#define FACT_AS(name, field) { MP_QSTR_##name, offsetof(process_t, field) }

static const struct { qstr name; uint16_t offset; } facts[] = {
    FACT(id), FACT(ram_start), FACT(ram_end), FACT(app_break), FACT(grant_start), FACT(stack_top), FACT(heap_start),
    FACT(syscalls), FACT(timeslice_expirations), FACT(restarts), FACT(dropped_upcalls), FACT(completion_code),
    FACT(fault_status), FACT(fault_address), FACT(hard_fault_status), FACT(psp),
    FACT_AS(flash_start, tbf.start), FACT_AS(flash_end, tbf.end), FACT_AS(app_start, tbf.app_start),
    FACT_AS(short_id, tbf.short_id), FACT_AS(kernel_version, tbf.kernel_version),
};

static process_t *process_in(mp_obj_t slot_in) {
    mp_uint_t slot = mp_obj_get_int(slot_in);
    if (slot >= CONFIG_MAX_PROCESSES || processes[slot]->state == PROCESS_UNUSED) {
        mp_raise_ValueError(MP_ERROR_TEXT("no process in this slot"));
    }
    return processes[slot];
}

// control.exists(slot)
static mp_obj_t control_exists(mp_obj_t self, mp_obj_t slot_in) {
    (void)self;
    mp_uint_t slot = mp_obj_get_int(slot_in);
    return mp_obj_new_bool(slot < CONFIG_MAX_PROCESSES && processes[slot]->state != PROCESS_UNUSED);
}
static MP_DEFINE_CONST_FUN_OBJ_2(control_exists_obj, control_exists);

// Safety: the offset is one of the table's, each of a 32-bit word of process_t.
static uint32_t fact(const process_t *process, qstr name) {
    for (unsigned i = 0; i < MP_ARRAY_SIZE(facts); i++) {
        if (facts[i].name == name) {
            return *(uint32_t *)((uint8_t *)process + facts[i].offset);
        }
    }
    mp_raise_ValueError(MP_ERROR_TEXT("no such fact"));
}

// control.fact(slot, name): one number; see facts[].
static mp_obj_t control_fact(mp_obj_t self, mp_obj_t slot, mp_obj_t name) {
    (void)self;
    const process_t *process = process_in(slot);
    return mp_obj_new_int_from_uint(fact(process, mp_obj_str_get_qstr(name)));
}
static MP_DEFINE_CONST_FUN_OBJ_3(control_fact_obj, control_fact);

// control.METHOD(slot), with what it returns.
#define CONTROL_ANSWER(name, answer) \
    static mp_obj_t control_##name(mp_obj_t self, mp_obj_t slot) { \
        (void)self; \
        process_t *process = process_in(slot); \
        return answer; \
    } \
    static MP_DEFINE_CONST_FUN_OBJ_2(control_##name##_obj, control_##name)
#define CONTROL_ACTION(name, does) CONTROL_ANSWER(name, (does, mp_const_none))

// 0 running, 1 yielded, 2 yielded for, 3 faulted, 4 terminated; + 8 if stopped.
CONTROL_ANSWER(state, MP_OBJ_NEW_SMALL_INT(process->state - PROCESS_RUNNING + (process->stopped ? 8 : 0)));
CONTROL_ANSWER(queue_length, MP_OBJ_NEW_SMALL_INT(process->queue_length + process->placed));
CONTROL_ANSWER(completed, mp_obj_new_bool(process->completed)); // whether completion_code is one
CONTROL_ACTION(restart, process_restart(process));
CONTROL_ACTION(stop, process_stop(process));
CONTROL_ACTION(resume, process_resume(process));
CONTROL_ACTION(terminate, process_terminate(process, 0));
CONTROL_ACTION(fault, process_fault(process));

// Safety: the name lies in the header in flash, which tbf_parse() has checked.
CONTROL_ANSWER(name, mp_obj_new_bytes((const byte *)process->tbf.name, process->tbf.name_length));

// control.write_name(slot, view): the name into a process's buffer; returns its length.
// Safety: the view is one for writing, and its range is what its process allows now.
static mp_obj_t control_write_name(mp_obj_t self, mp_obj_t slot, mp_obj_t view) {
    (void)self;
    const process_t *process = process_in(slot);
    allowed_t range = user_buffer_writable(view);
    memcpy(allowed_bytes(range), process->tbf.name, MIN(range.length, process->tbf.name_length));
    return MP_OBJ_NEW_SMALL_INT(process->tbf.name_length);
}
static MP_DEFINE_CONST_FUN_OBJ_3(control_write_name_obj, control_write_name);

// control.find(view): the slot of the live process whose name is in the buffer, which the view's process knows from now
// on; -1 if there is none.
// Safety: only reads what the view's process allows now.
static mp_obj_t control_find(mp_obj_t self, mp_obj_t view) {
    (void)self;
    allowed_t range = user_buffer_readable(view);
    for (unsigned i = 0; i < CONFIG_MAX_PROCESSES; i++) {
        const process_t *process = processes[i];
        if (process_alive(process) && process_alive(user_buffer_process(view)) && process->tbf.name_length == range.length
            && memcmp(process->tbf.name, allowed_bytes(range), range.length) == 0) {
            process_t *finder = user_buffer_process(view);
            finder->unfound &= ~(1u << i);
            finder->strangers &= ~(1u << i);
            return MP_OBJ_NEW_SMALL_INT(i);
        }
    }
    return MP_OBJ_NEW_SMALL_INT(-1);
}
static MP_DEFINE_CONST_FUN_OBJ_2(control_find_obj, control_find);

// R0 to R12, 13 SP, 14 LR, 15 PC, 16 xPSR of a process at rest, 17 and 18 the halves of that. False if the frame that
// holds them is not in its memory.
// Safety: only reads, at an address that the process might write itself, a multiple of 4.
static bool find_register(const process_t *process, mp_uint_t n, uint32_t *value) {
    if (n >= 4 && n <= 11) {
        *value = process->r4_to_r11[n - 4];
        return true;
    }
    if (n == 13) {
        *value = process->psp + sizeof(exception_frame_t);
        return true;
    }
    alleged_t frame = { process->psp, sizeof(exception_frame_t) };
    allowed_t words;
    if (process->frame_lost || process->psp % 4 != 0 || !alleged_check(process, frame, ACCESS_WRITE, &words) || n > 18) {
        return false;
    }
    // In the order of the frame: r0 to r3, r12, lr, pc, psr
    const uint32_t *at = (const uint32_t *)allowed_bytes(words);
    *value = n > 16 ? ((const uint16_t *)&at[7])[n - 17] : at[n < 4 ? n : n == 12 ? 4 : n - 9];
    return true;
}

// control.register(slot, n): None if it is lost.
static mp_obj_t control_register(mp_obj_t self, mp_obj_t slot, mp_obj_t n) {
    (void)self;
    uint32_t value;
    return find_register(process_in(slot), mp_obj_get_int(n), &value) ? mp_obj_new_int_from_uint(value) : mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(control_register_obj, control_register);

// control.log(slot, text, what): the text and a fact, a register by its number, the name or the state; no line end.
static mp_obj_t control_log(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    const process_t *process = process_in(args[1]);
    qstr what = mp_obj_is_small_int(args[3]) ? MP_QSTRnull : mp_obj_str_get_qstr(args[3]);
    bool is_text = what == MP_QSTR_name || what == MP_QSTR_state;
    uint32_t value = what == MP_QSTRnull || is_text ? 0 : fact(process, what);
    kernel_printf("%s", mp_obj_str_get_str(args[2]));
    if (what == MP_QSTR_name) {
        kernel_log_words(process->tbf.name, process->tbf.name_length);
    } else if (what == MP_QSTR_state) {
        kernel_printf("%s", process_state_name(process));
    } else if (what == MP_QSTRnull && !find_register(process, MP_OBJ_SMALL_INT_VALUE(args[3]), &value)) {
        kernel_printf("(lost)    ");
    } else {
        kernel_printf("0x%08X", (unsigned)value);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(control_log_obj, 4, 4, control_log);

// control.log_has_room(): whether the log has room for a few lines more.
static mp_obj_t control_log_has_room(mp_obj_t self) {
    (void)self;
    return mp_obj_new_bool(kernel_log_has_room());
}
static MP_DEFINE_CONST_FUN_OBJ_1(control_log_has_room_obj, control_log_has_room);

static mp_obj_t control_panic(mp_obj_t self, mp_obj_t reason) {
    (void)self;
    kernel_panic("%s", mp_obj_str_get_str(reason));
}
static MP_DEFINE_CONST_FUN_OBJ_2(control_panic_obj, control_panic);

// control.on_fault(line): raise the software line when a process has faulted or ended. Whoever asks for that reports it, and
// so writes in the log as the kernel does.
static mp_obj_t control_on_fault(mp_obj_t self, mp_obj_t line) {
    (void)self;
    fault_notify(interrupt_line_of_software(line));
    contain_reporter = contain_running;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(control_on_fault_obj, control_on_fault);

#define CONTROL_ENTRY(name) { MP_ROM_QSTR(MP_QSTR_##name), MP_ROM_PTR(&control_##name##_obj) }

static const mp_rom_map_elem_t control_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_SLOTS), MP_ROM_INT(CONFIG_MAX_PROCESSES) },
    CONTROL_ENTRY(completed),
    CONTROL_ENTRY(exists),
    CONTROL_ENTRY(fact),
    CONTROL_ENTRY(fault),
    CONTROL_ENTRY(find),
    CONTROL_ENTRY(log),
    CONTROL_ENTRY(log_has_room),
    CONTROL_ENTRY(name),
    CONTROL_ENTRY(on_fault),
    CONTROL_ENTRY(panic),
    CONTROL_ENTRY(queue_length),
    CONTROL_ENTRY(register),
    CONTROL_ENTRY(restart),
    CONTROL_ENTRY(resume),
    CONTROL_ENTRY(state),
    CONTROL_ENTRY(stop),
    CONTROL_ENTRY(terminate),
    CONTROL_ENTRY(write_name),
};
static MP_DEFINE_CONST_DICT(control_locals, control_locals_table);
static MP_DEFINE_CONST_OBJ_TYPE(control_type, MP_QSTR_ProcessControl, MP_TYPE_FLAG_NONE, locals_dict, &control_locals);
const mp_obj_base_t process_control_power = { &control_type };
