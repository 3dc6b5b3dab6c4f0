"""What machine code may call: entries of the runtime's table (mp_fun_table), each with what it must be handed.

The runtime's C believes its caller: an argument that should be an object is followed as a pointer. So each argument has
a kind here, read from py/nativeglue.c and the functions that its table names. An entry that is not listed may not be
called: Capsule Python has nothing that needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from adder.verify_image import kinds
from adder.verify_image.decode import Instruction
from adder.verify_image.kinds import Kind

if TYPE_CHECKING:
    from adder.verify_image.machine import Machine, State

NLR_WORDS = 18  # nlr_buf_t (py/nlr.h): prev, ret_val, and regs: lr, r4 to r11, sp, s16 to s21 (py/nlrthumb.c)
NLR_EXCEPTION, NLR_R4 = 1, 3
STATE_AT = 5  # words of mp_code_state_native_t (py/bc.h) before its `state`
ITERATOR_WORDS = 4  # MP_OBJ_ITER_BUF_NSLOTS
SENTINEL = 4  # MP_OBJ_SENTINEL: as the value in mp_obj_subscr it says that one is to be loaded
SCALARS = (1, 2, 3)  # MP_NATIVE_TYPE_BOOL, _INT, _UINT: what is not a pointer
UNARY = range(4)  # mp_unary_op_t: + - ~ not
BINARY = range(35)  # mp_binary_op_t up to **: all that Python can write
MOST = range(256)
EXCEPTIONS = (
    "Exception", "IndexError", "MemoryError", "NotImplementedError", "OSError", "RuntimeError", "TypeError",
    "ValueError",
)  # fmt: skip
"""Names that no module may bind: what is found under one of them, called, gives an exception."""

Result = tuple["State", range]
"""What is known after the call, and which words of the frame it wrote: all of them, unless it raised before."""

Call = Callable[["Machine", Instruction, "State"], Result]

NOTHING = range(0)


def plain(*arguments: Kind | range | tuple[int, ...], result: Kind = kinds.ANY, names: bool = False) -> Call:
    """A function whose arguments are in registers: objects, qstrs, words, or one of some numbers."""

    def call(machine: Machine, at: Instruction, state: State) -> Result:
        if names:
            machine.own_globals(at, state)
        for register, argument in enumerate(arguments):
            if isinstance(argument, range | tuple) and not isinstance(argument, Kind):
                machine.number(at, state, register, argument)
            else:
                machine.argument(at, state, register, argument)
        return state.after_call(result), NOTHING

    return call


def swap_globals(machine: Machine, at: Instruction, state: State) -> Result:
    """mp_native_swap_globals: to those of the module, and back."""
    kind = state.registers[0]
    if state.globals == "caller's" and kind == kinds.GLOBALS:
        return replace(state.after_call(kinds.BEFORE), globals="changed, perhaps"), NOTHING
    if kind in (kinds.BEFORE, kinds.CHANGED) or (kind, state.globals) == (
        kinds.ZERO,
        "same",
    ):  # the caller's, if they differ
        return replace(state.after_call(kinds.ANY), globals="caller's"), NOTHING
    raise machine.refuse(at.address, f"sets the globals to {kind}")


def load_method(machine: Machine, at: Instruction, state: State) -> Result:
    """mp_load_method writes what is to be called, and its self or 0. C believes that the one suits the other."""
    machine.argument(at, state, 0, kinds.OBJECT)
    machine.argument(at, state, 1, kinds.QSTR)
    return machine.fill(at, state, 2, [kinds.method(0), kinds.method(1)])


def subscript(machine: Machine, at: Instruction, state: State) -> Result:
    """mp_obj_subscr: loads with SENTINEL, stores an object, and with 0 would delete."""
    machine.argument(at, state, 0, kinds.OBJECT)
    machine.argument(at, state, 1, kinds.OBJECT)
    if state.registers[2] != Kind(kinds.ZERO.name, SENTINEL):
        machine.argument(at, state, 2, kinds.OBJECT)
    return state.after_call(kinds.OBJECT), NOTHING


def build(kind: Callable[[int], Kind]) -> Call:
    """mp_obj_new_tuple, mp_obj_new_list."""

    def call(machine: Machine, at: Instruction, state: State) -> Result:
        count = machine.number(at, state, 0, MOST)
        machine.objects(at, state, machine.place(at, state, 1, count), count)
        return state.after_call(kind(count)), NOTHING

    return call


def make_function(machine: Machine, at: Instruction, state: State) -> Result:
    """mp_make_function_from_proto_fun: of a function within, in its module's context, with a tuple of defaults or 0."""
    machine.argument(at, state, 1, kinds.CONTEXT)
    index = machine.child(at, state, 0)
    defaults = machine.around.children[index]
    if state.registers[2] == kinds.ZERO:
        given = 0
    else:
        place = machine.place(at, state, 2, 2)
        given = next((n for n in MOST if state.frame[place] == kinds.tuple_of(n)), -1)
        if state.frame[place + 1] != kinds.ZERO:
            raise machine.refuse(at.address, "makes a function with defaults for keywords")
    if given != defaults:
        raise machine.refuse(at.address, f"makes a function with {given} defaults that has {defaults}")
    return state.after_call(kinds.made(index)), NOTHING


def new_closure(machine: Machine, at: Instruction, state: State) -> Result:
    """mp_obj_new_closure: of a function made before, with cells for its first parameters."""
    count = machine.number(at, state, 1, range(1, 256))
    place = machine.place(at, state, 2, count)
    if any(kind != kinds.CELL for kind in state.frame[place : place + count]):
        raise machine.refuse(at.address, "hands a function within something else than cells")
    index = next((n for n in range(len(machine.around.children)) if state.registers[0] == kinds.made(n)), None)
    if index is None:
        raise machine.refuse(at.address, f"makes a closure of {state.registers[0]}")
    machine.demand(at, index, count)
    return state.after_call(kinds.OBJECT), NOTHING


def look_up(machine: Machine, at: Instruction, state: State) -> Result:
    """mp_load_name, mp_load_global."""
    machine.own_globals(at, state)
    if state.registers[0] == kinds.EXCEPTION_NAME:
        return state.after_call(kinds.EXCEPTION_CLASS), NOTHING
    machine.argument(at, state, 0, kinds.QSTR)
    return state.after_call(kinds.OBJECT), NOTHING


def call_function(machine: Machine, at: Instruction, state: State) -> Result:
    """mp_native_call_function_n_kw: one number holds how many arguments there are, and how many named ones."""
    machine.argument(at, state, 0, kinds.OBJECT)
    number = machine.number(at, state, 1, range(0x10000))
    machine.arguments(at, state, 2, 0, number & 0xFF, number >> 8)
    made = kinds.EXCEPTION if state.registers[0] == kinds.EXCEPTION_CLASS else kinds.OBJECT
    return state.after_call(made), NOTHING


def call_method(machine: Machine, at: Instruction, state: State) -> Result:
    """mp_call_method_n_kw: what load_method wrote, then the arguments."""
    positional, named = (machine.number(at, state, register, MOST) for register in (0, 1))
    place = machine.place(at, state, 2, 2)
    if state.frame[place : place + 2] != (kinds.method(0), kinds.method(1)):
        raise machine.refuse(at.address, f"calls {state.frame[place]} with {state.frame[place + 1]}")
    machine.arguments(at, state, 2, 2, positional, named)
    return state.after_call(kinds.OBJECT), NOTHING


def getiter(machine: Machine, at: Instruction, state: State) -> Result:
    """mp_native_getiter: into a buffer of the frame, or into an object of its own."""
    machine.argument(at, state, 0, kinds.OBJECT)
    if state.registers[1] == kinds.ZERO:
        return state.after_call(kinds.OBJECT), NOTHING
    return machine.fill(at, state, 1, [kinds.iterator(word) for word in range(ITERATOR_WORDS)])


def iternext(machine: Machine, at: Instruction, state: State) -> Result:
    """mp_native_iternext of a buffer that nothing else was written to; 0 at the end."""
    place = machine.place(at, state, 0, ITERATOR_WORDS)
    for word in range(ITERATOR_WORDS):
        if state.frame[place + word] != kinds.iterator(word):
            raise machine.refuse(at.address, f"goes on with an iterator that is {state.frame[place + word]}")
    return state.after_call(kinds.MAYBE), NOTHING


def nlr_push(machine: Machine, at: Instruction, state: State) -> Result:
    """nlr_push saves lr, r4 to r11, sp and some of the FPU in a buffer; its second return is State.raised()."""
    if machine.place(at, state, 0, NLR_WORDS) != 0 or state.handler is not None:
        raise machine.refuse(at.address, "is not a first exception handler at the frame's beginning")
    saved = [kinds.ANY] * NLR_WORDS
    saved[NLR_EXCEPTION] = state.frame[NLR_EXCEPTION]  # which it leaves
    saved[NLR_R4 : NLR_R4 + 4] = state.registers[4:8]
    after = replace(state.after_call(kinds.ZERO), frame=(*saved, *state.frame[NLR_WORDS:]), handler=at.after)
    return after, NOTHING


def nlr_pop(machine: Machine, at: Instruction, state: State) -> Result:
    """nlr_pop takes the handler out of force."""
    if state.handler is None:
        raise machine.refuse(at.address, "has no exception handler in force")
    return replace(state.after_call(kinds.ANY), handler=None), NOTHING


def native_raise(machine: Machine, at: Instruction, state: State) -> Result:
    """mp_native_raise raises what it is handed, and returns if that is 0 or None, as at the end of a `finally`."""
    if state.registers[0] not in (kinds.MAYBE, kinds.ZERO):
        machine.argument(at, state, 0, kinds.OBJECT)
    return state.after_call(kinds.ANY), NOTHING


def unpack_sequence(machine: Machine, at: Instruction, state: State) -> Result:
    """mp_unpack_sequence writes as many objects as it is told to."""
    machine.argument(at, state, 0, kinds.OBJECT)
    return machine.fill(at, state, 2, [kinds.OBJECT] * machine.number(at, state, 1, MOST))


def arg_check_num_sig(machine: Machine, at: Instruction, state: State) -> Result:
    """mp_arg_check_num_sig returns if there are as many arguments as one number says: twice, and that none is named."""
    machine.argument(at, state, 0, kinds.COUNT)
    machine.argument(at, state, 1, kinds.KEYWORDS)
    signature = machine.number(at, state, 2, [count << 17 | count << 1 for count in MOST])
    return replace(state.after_call(kinds.ANY), given=signature >> 17), NOTHING


def setup_code_state(machine: Machine, at: Instruction, state: State) -> Result:
    """mp_setup_code_state_native checks the arguments by the prelude and puts them into locals; the others become 0."""
    prelude = machine.around.prelude
    if prelude is None:
        raise machine.refuse(at.address, "has no prelude")
    place = machine.place(at, state, 0, STATE_AT + prelude.state)
    for register, kind in enumerate((kinds.COUNT, kinds.KEYWORDS, kinds.ARGUMENTS), 1):
        machine.argument(at, state, register, kind)
    if state.frame[place] != kinds.FUNCTION or state.frame[place + 3] != Kind(kinds.ZERO.name, prelude.state):
        raise machine.refuse(at.address, "lacks the function's object or the number of its locals")
    local = [kinds.OBJECT] * prelude.positional + [kinds.ZERO] * (prelude.state - prelude.positional)
    local[: machine.around.closed] = [kinds.CELL] * machine.around.closed
    for cell in prelude.cells:
        local[cell] = kinds.CELL
    head = [kinds.FUNCTION, kinds.ANY, kinds.ANY, kinds.ANY, state.frame[place + 4]]
    return machine.fill(at, state, 0, [*head, *reversed(local)])


RAISE = 34

CALLS: dict[int, Call] = {
    3: plain(kinds.OBJECT, SCALARS, result=kinds.WORD),  # mp_native_from_obj
    4: plain(kinds.WORD, SCALARS, result=kinds.OBJECT),  # mp_native_to_obj
    5: swap_globals,
    6: look_up,
    7: look_up,
    8: plain(result=kinds.OBJECT),  # mp_load_build_class
    9: plain(kinds.OBJECT, kinds.QSTR, result=kinds.OBJECT),  # mp_load_attr
    10: load_method,
    12: plain(kinds.QSTR, kinds.OBJECT),  # mp_store_name, into what the import or the class has as its locals
    14: plain(kinds.OBJECT, kinds.QSTR, kinds.OBJECT),  # mp_store_attr
    15: subscript,
    16: plain(kinds.OBJECT, result=kinds.WORD),  # mp_obj_is_true
    17: plain(UNARY, kinds.OBJECT, result=kinds.OBJECT),  # mp_unary_op
    18: plain(BINARY, kinds.OBJECT, kinds.OBJECT, result=kinds.OBJECT),  # mp_binary_op
    19: build(kinds.tuple_of),
    20: build(lambda _: kinds.LIST),
    24: plain(kinds.LIST, kinds.OBJECT),  # mp_obj_list_append, which does not look whether it is one
    26: make_function,
    27: call_function,
    28: call_method,
    30: getiter,
    31: iternext,
    32: nlr_push,
    33: nlr_pop,
    RAISE: native_raise,
    35: plain(kinds.QSTR, kinds.OBJECT, kinds.OBJECT, result=kinds.OBJECT, names=True),  # mp_import_name
    36: plain(kinds.OBJECT, kinds.QSTR, result=kinds.OBJECT),  # mp_import_from
    39: unpack_sequence,
    43: new_closure,
    44: arg_check_num_sig,
    45: setup_code_state,
    46: plain(kinds.WORD, kinds.WORD, result=kinds.WORD),  # mp_small_int_floor_divide
    47: plain(kinds.WORD, kinds.WORD, result=kinds.WORD),  # mp_small_int_modulo
}
"""By the index in mp_fun_table."""

QUIET = (5, 32, 33)
"""Those that raise nothing."""
