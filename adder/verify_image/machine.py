"""Follows a function of machine code on every path that it can take, and refuses what it may not do.

It believes neither the compiler nor the first verifier. For each register and each word of the frame it knows a kind
(kinds.py); an instruction is accepted if its shape is in the list (decode.py) and what it works on has kinds for which
it is harmless. docs/capsule-python.md argues why that suffices.

What a path can be is not only what the branches say. An exception lands behind the call of nlr_push that is in force,
with the frame as it then is; and since a time-out comes in place of any instruction, each instruction may raise one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from adder.verify_image import kinds
from adder.verify_image.decode import Instruction, Refused
from adder.verify_image.kinds import Kind
from adder.verify_image.prelude import Prelude
from adder.verify_image.runtime import CALLS, EXCEPTIONS, NLR_EXCEPTION, NLR_R4, NLR_WORDS, QUIET, RAISE

LARGEST_FRAME = 352
"""Bytes that a function takes of the stack. The interpreter looks at the stack when a function is called, and leaves a
margin (MICROPY_STACK_CHECK_MARGIN) in which a frame and what it calls in C have to fit."""

NOWHERE = "where no instruction of this function begins"

SAVED = 5  # words above the locals: r4 to r7 and the return address


@dataclass(frozen=True)
class Surroundings:
    """What a function finds around it, as the image holds it."""

    qstrs: Sequence[str]  # its module's table of qstrs
    objects: Sequence[Kind]  # its module's table of objects
    children: Sequence[int]  # the functions within it: with how many defaults each is made
    prelude: Prelude | None  # None for a function of machine words
    closed: int = 0  # parameters that are cells, handed on by the function around it
    body: bool = False  # it is the module's own function, which the import calls with the module's globals in force


@dataclass(frozen=True)
class State:
    """What is known before an instruction."""

    registers: tuple[Kind, ...]  # r0 to r7
    frame: tuple[Kind, ...] = ()  # from the stack pointer up; the saved registers above it are out of reach
    pushed: int = 0  # how many of these words the entry's push has taken; 0 before
    handler: int | None = None  # where an exception lands: behind the call of nlr_push that is in force
    globals: str = "caller's"  # then "changed, perhaps"; "same" or "changed" once the difference was looked at
    given: int = 0  # there surely are so many arguments
    compared: tuple[str, int] | None = None  # by the instruction before: ("register", r) with 0, ("count", n), or words

    def key(self, address: int) -> tuple[object, ...]:
        """Paths meet only where this is equal: how the frame is, and where an exception leads in the end."""
        r4 = self.registers[4]
        handler = self.frame[NLR_R4] if len(self.frame) > NLR_R4 else kinds.ANY
        return (
            address, len(self.frame), self.handler, self.globals, r4 if kinds.is_code(r4) else None,
            handler if kinds.is_code(handler) or handler == kinds.ZERO else None,
        )  # fmt: skip

    def meet(self, other: "State") -> "State":
        """What is known where two paths of one key meet."""
        return replace(
            self,
            registers=kinds.join_all(self.registers, other.registers),
            frame=kinds.join_all(self.frame, other.frame),
            given=min(self.given, other.given),
            compared=self.compared if self.compared == other.compared else None,
        )

    def put(self, register: int, kind: Kind) -> "State":
        registers = (*self.registers[:register], kind, *self.registers[register + 1 :])
        return replace(self, registers=registers, compared=None)

    def store(self, first: int, values: Sequence[Kind]) -> "State":
        return replace(self, frame=(*self.frame[:first], *values, *self.frame[first + len(values) :]), compared=None)

    def after_call(self, result: Kind) -> "State":
        """By the procedure call standard C keeps r4 to r11 and the stack pointer."""
        return replace(self, registers=(result, kinds.ANY, kinds.ANY, kinds.ANY, *self.registers[4:]), compared=None)

    def learn(self, old: Kind, new: Kind, status: str) -> "State":
        """The globals of before were looked at: it is known what all their copies are."""
        return replace(
            self,
            registers=tuple(new if kind == old else kind for kind in self.registers),
            frame=tuple(new if kind == old else kind for kind in self.frame),
            globals=status if self.globals == "changed, perhaps" else self.globals,
        )

    def raised(self) -> "State":
        """nlr_push returns a second time, with 1 and the registers that its buffer holds."""
        registers = (kinds.value(1), kinds.ANY, kinds.ANY, kinds.ANY, *self.frame[NLR_R4 : NLR_R4 + 4])
        landed = replace(self, registers=registers, handler=None, given=0)
        return landed.store(NLR_EXCEPTION, [kinds.EXCEPTION])


@dataclass
class Machine:
    """Follows one function. `demands`: how many cells it hands each function within."""

    around: Surroundings
    code: dict[int, Instruction]
    start: int
    demands: dict[int, int] = field(default_factory=dict)

    def verify(self) -> None:
        """Follow every path, the first instructions first; raises Refused."""
        first = State(
            (kinds.FUNCTION, kinds.COUNT, kinds.KEYWORDS, kinds.ARGUMENTS, kinds.ANY, kinds.ANY, kinds.ANY, kinds.ANY)
        )
        known = {first.key(self.start): first}
        waiting = [(self.start, first.key(self.start))]
        while waiting:
            address, key = waiting.pop(min(range(len(waiting)), key=lambda n: waiting[n][0]))
            for target, after in self.step(self.code[address], known[key]):
                if target not in self.code:
                    raise self.refuse(address, f"leads to 0x{target:08x}, {NOWHERE}")
                place = after.key(target)
                before = known.get(place)
                met = after if before is None else before.meet(after)
                if met != before:
                    known[place] = met
                    waiting.append((target, place))
        reached = {address for address, *_ in known}
        for at in self.code.values():
            if at.address not in reached:
                self.unreached(at)

    def refuse(self, address: int, reason: str) -> Refused:
        return Refused(address, self.code[address].text, reason)

    def unreached(self, at: Instruction) -> None:
        """No path leads here, as behind a `raise`. What needs no path to be seen is looked at."""
        low, taken = self.code[self.start].operands
        if at.shape in ("branch", "branch if equal", "branch if not"):
            if at.operands[0] not in self.code:
                raise self.refuse(at.address, f"leads to 0x{at.operands[0]:08x}, {NOWHERE}")
            return
        if at.shape in ("load local", "store local", "address of local"):
            harmless = at.operands[1] % 4 == 0 and at.operands[1] < taken + 4 * low
        elif at.shape == "leave":
            harmless = at.operands == (low, taken)
        else:
            harmless = at.shape not in ("enter", "store to cell")
        if not harmless:
            raise self.refuse(at.address, "would do harm if a path led here")

    def step(self, at: Instruction, state: State) -> Iterator[tuple[int, State]]:
        """Where this instruction leads, and what is known there."""
        if at.shape == "enter":
            yield at.after, self.enter(at, state)
            return
        if not state.pushed:
            raise self.refuse(at.address, "stands before the function's entry")
        if state.handler is not None:  # a time-out in place of this instruction
            yield state.handler, state.raised()
        if at.shape == "leave":
            self.leave(at, state)
        elif at.shape == "branch":
            yield at.operands[0], replace(state, compared=None)
        elif at.shape in ("branch if equal", "branch if not"):
            yield from self.branch(at, state)
        elif at.shape == "jump":
            target = state.registers[at.operands[0]]
            if not kinds.is_code(target):
                raise self.refuse(at.address, f"jumps to {target}")
            yield target.number, replace(state, compared=None)
        elif at.shape == "call":
            yield from self.call(at, state)
        else:
            yield at.after, STEPS[at.shape](self, at, state)

    def enter(self, at: Instruction, state: State) -> State:
        low, taken = at.operands
        if at.address != self.start or state.pushed:
            raise self.refuse(at.address, "takes a frame inside the function")
        size = taken + 4 * (low + SAVED)
        if taken % 8 or size > LARGEST_FRAME:
            raise self.refuse(at.address, f"takes {size} bytes of stack, {LARGEST_FRAME} are allowed; use fewer locals")
        return replace(state, frame=(*[kinds.ANY] * (taken // 4), *state.registers[1 : 1 + low]), pushed=low)

    def leave(self, at: Instruction, state: State) -> None:
        low, given = at.operands
        if low != state.pushed or given != 4 * (len(state.frame) - low):
            raise self.refuse(at.address, f"gives back another frame than the {4 * len(state.frame)} bytes it took")
        if state.handler is not None:
            raise self.refuse(at.address, "returns while its exception handler is in force")
        self.callers_globals(at, state)
        self.argument(at, state, 0, kinds.OBJECT)

    def branch(self, at: Instruction, state: State) -> Iterator[tuple[int, State]]:
        """Both ways, or the one that is possible; on each it is known how the comparison ended."""
        if state.compared is None:
            raise self.refuse(at.address, "depends on no comparison")
        how, number = state.compared
        state = replace(state, compared=None)
        equal: State | None = state
        other: State | None = state
        kind = state.registers[number] if how == "register" else kinds.ANY
        if how == "count":
            equal = replace(state, given=number)
        elif kind == kinds.ZERO:
            other = None
        elif kinds.is_object(kind) or kinds.is_value(kind) or kinds.is_code(kind) or kind == kinds.CHANGED:
            equal = None
        elif kind == kinds.MAYBE:
            equal, other = state.put(number, kinds.ZERO), state.put(number, kinds.OBJECT)
        elif kind == kinds.BEFORE:
            equal, other = (
                state.learn(kinds.BEFORE, kinds.ZERO, "same"),
                state.learn(kinds.BEFORE, kinds.CHANGED, "changed"),
            )
        target, after = at.operands[0], at.after
        if equal is not None:
            yield target if at.shape == "branch if equal" else after, equal
        if other is not None:
            yield after if at.shape == "branch if equal" else target, other

    def call(self, at: Instruction, state: State) -> Iterator[tuple[int, State]]:
        target = state.registers[at.operands[0]]
        index = target.number
        if target != kinds.entry(index) or index not in CALLS:
            raise self.refuse(at.address, f"calls {target}")
        after, written = CALLS[index](self, at, state)
        if index not in QUIET:
            if state.handler is None:
                self.callers_globals(at, state)
            else:
                yield state.handler, state.store(written.start, [kinds.ANY] * len(written)).raised()
        if index != RAISE or state.registers[0] != kinds.EXCEPTION:  # of others it might be None, for which it returns
            yield at.after, after

    # -- Instructions that lead to the next one -------------------------------

    def word(self, at: Instruction, state: State, offset: int) -> int:
        if offset % 4 or offset // 4 >= len(state.frame):
            raise self.refuse(at.address, f"reaches beyond the {4 * len(state.frame)} bytes of its locals")
        return offset // 4

    def writable(self, at: Instruction, state: State, first: int, count: int) -> None:
        """Words that may be written: inside the frame, and none that an exception needs to find back."""
        if first + count > len(state.frame):
            raise self.refuse(at.address, f"has words {first} to {first + count - 1} of {len(state.frame)} written")
        if state.handler is not None:
            for word in range(first, min(first + count, NLR_WORDS)):
                if word not in (NLR_EXCEPTION, NLR_R4):
                    raise self.refuse(at.address, "writes over the buffer of its exception handler")

    def load_local(self, at: Instruction, state: State) -> State:
        return state.put(at.operands[0], kinds.copied(state.frame[self.word(at, state, at.operands[1])]))

    def store_local(self, at: Instruction, state: State) -> State:
        word = self.word(at, state, at.operands[1])
        self.writable(at, state, word, 1)
        return state.store(word, [state.registers[at.operands[0]]])

    def address_of_local(self, at: Instruction, state: State) -> State:
        return state.put(at.operands[0], kinds.frame(self.word(at, state, at.operands[1])))

    def load(self, at: Instruction, state: State) -> State:
        """Loads through a register: from what belongs to the function, and nowhere else."""
        register, base, offset = at.operands
        kind, index = state.registers[base], offset // 4
        found: Kind | None = None
        if offset % 4:
            found = None
        elif kind == kinds.FUNCTION:
            found = {1: kinds.CONTEXT, 2: kinds.CHILDREN}.get(index)
        elif kind == kinds.CONTEXT:
            found = {1: kinds.GLOBALS, 2: kinds.QSTRS, 3: kinds.OBJECTS}.get(index)
        elif kind == kinds.OBJECTS and index < len(self.around.objects):
            found = self.around.objects[index]
        elif kind == kinds.CHILDREN and index < len(self.around.children):
            found = kinds.child(index)
        elif kind == kinds.RUNTIME:
            found = kinds.IMMEDIATE[index] if index < len(kinds.IMMEDIATE) else kinds.entry(index)
        elif (kind == kinds.ARGUMENTS and index < state.given) or (kind == kinds.CELL and index == 1):
            found = kinds.OBJECT
        if found is None:
            raise self.refuse(at.address, f"loads byte {offset} of {kind}")
        return state.put(register, found)

    def load_qstr(self, at: Instruction, state: State) -> State:
        register, base, offset = at.operands
        if state.registers[base] != kinds.QSTRS or offset % 2 or offset // 2 >= len(self.around.qstrs):
            raise self.refuse(at.address, f"loads byte {offset} of {state.registers[base]}")
        name = self.around.qstrs[offset // 2]
        return state.put(register, kinds.EXCEPTION_NAME if name in EXCEPTIONS else kinds.QSTR)

    def store_to_cell(self, at: Instruction, state: State) -> State:
        register, base = at.operands
        if state.registers[base] != kinds.CELL:
            raise self.refuse(at.address, f"stores to {state.registers[base]}")
        self.argument(at, state, register, kinds.OBJECT)
        return replace(state, compared=None)

    def copy(self, at: Instruction, state: State) -> State:
        return state.put(at.operands[0], state.registers[at.operands[1]])

    def set(self, at: Instruction, state: State) -> State:
        return state.put(at.operands[0], kinds.value(at.operands[1]))

    def known(self, at: Instruction, state: State, register: int) -> int:
        if not kinds.is_value(state.registers[register]):
            raise self.refuse(at.address, f"computes with {state.registers[register]}")
        return state.registers[register].number

    def set_upper_half(self, at: Instruction, state: State) -> State:
        register, half = at.operands
        return state.put(register, kinds.value(half << 16 | self.known(at, state, register) & 0xFFFF))

    def clear(self, at: Instruction, state: State) -> State:
        return state.put(at.operands[0], kinds.ZERO)

    def extend(self, at: Instruction, state: State) -> State:
        number = self.known(at, state, at.operands[0]) & 0xFFFF
        return state.put(at.operands[0], kinds.value(((number ^ 0x8000) - 0x8000) & 0xFFFFFFFF))

    def address_of_code(self, at: Instruction, state: State) -> State:
        """Of a handler, with bit 0 set. The processor adds the address of the instruction after the next."""
        target = (self.known(at, state, at.operands[0]) + at.address + 4) & 0xFFFFFFFF
        if target % 2 == 0 or target - 1 not in self.code:
            raise self.refuse(at.address, f"makes an address of code {NOWHERE}")
        return state.put(at.operands[0], kinds.code(target - 1))

    def compute(self, at: Instruction, state: State) -> State:
        """From words alone; what comes out is one, so neither an object nor an address."""
        for register in at.operands[1:] if at.shape == "add" else at.operands:
            if not kinds.is_word(state.registers[register]):
                raise self.refuse(at.address, f"computes with {state.registers[register]}")
        return state.put(at.operands[0], kinds.WORD)

    def compare_with_0(self, at: Instruction, state: State) -> State:
        return replace(state, compared=("register", at.operands[0]))

    def compare(self, at: Instruction, state: State) -> State:
        a, b = (state.registers[register] for register in at.operands)
        if a == kinds.COUNT and kinds.is_value(b):
            return replace(state, compared=("count", b.number))
        if not kinds.is_word(a) or not kinds.is_word(b):
            raise self.refuse(at.address, f"compares {a} with {b}")
        return replace(state, compared=("words", 0))

    def choose(self, at: Instruction, state: State) -> State:
        if state.compared is None or state.compared[0] != "words":
            raise self.refuse(at.address, "depends on no comparison of words")
        register, yes, no = at.operands
        return state.put(register, kinds.join(kinds.value(yes), kinds.value(no)))

    # -- What the runtime is handed -------------------------------------------

    def callers_globals(self, at: Instruction, state: State) -> None:
        if state.globals not in ("caller's", "same"):
            raise self.refuse(at.address, "can leave the function with its own globals in force")

    def own_globals(self, at: Instruction, state: State) -> None:
        if state.globals == "caller's" and not self.around.body:
            raise self.refuse(at.address, "looks up a name in its caller's globals")

    def argument(self, at: Instruction, state: State, register: int, kind: Kind) -> None:
        found = state.registers[register]
        if kind == kinds.OBJECT:
            self.object(at, found, f"r{register}")
        elif found != kind and not (kind == kinds.WORD and kinds.is_word(found)):
            raise self.refuse(at.address, f"needs {kind} in r{register}, which is {found}")

    def object(self, at: Instruction, kind: Kind, where: str) -> None:
        if kind == kinds.made(kind.number):
            self.demand(at, kind.number, 0)
        elif not kinds.is_object(kind):
            raise self.refuse(at.address, f"needs an object: {where} is {kind}")

    def demand(self, at: Instruction, index: int, cells: int) -> None:
        """A function within gets so many cells, each time that one is made of it."""
        if self.demands.setdefault(index, cells) != cells:
            raise self.refuse(at.address, "hands a function within another number of cells than elsewhere")

    def child(self, at: Instruction, state: State, register: int) -> int:
        kind = state.registers[register]
        if kind != kinds.child(kind.number):
            raise self.refuse(at.address, f"makes a function of {kind}")
        return kind.number

    def number(self, at: Instruction, state: State, register: int, allowed: Sequence[int]) -> int:
        kind = state.registers[register]
        if not kinds.is_value(kind) or kind.number not in allowed:
            raise self.refuse(at.address, f"needs a number of those allowed in r{register}, which is {kind}")
        return kind.number

    def place(self, at: Instruction, state: State, register: int, words: int) -> int:
        kind = state.registers[register]
        if kind != kinds.frame(kind.number) or kind.number + words > len(state.frame):
            raise self.refuse(at.address, f"needs {words} words of the frame at r{register}, which is {kind}")
        return kind.number

    def fill(self, at: Instruction, state: State, register: int, values: Sequence[Kind]) -> tuple[State, range]:
        """The call writes words of these kinds."""
        first = self.place(at, state, register, len(values))
        self.writable(at, state, first, len(values))
        return state.store(first, values).after_call(kinds.ANY), range(first, first + len(values))

    def objects(self, at: Instruction, state: State, first: int, count: int) -> None:
        for word in range(first, first + count):
            self.object(at, state.frame[word], f"word {word} of the frame")

    def arguments(self, at: Instruction, state: State, register: int, head: int, positional: int, named: int) -> None:
        """Objects in the frame, `head` words after its place; of each pair of named ones, the first is a name."""
        if positional + named == 0:
            return
        count = positional + 2 * named
        first = self.place(at, state, register, head + count) + head
        self.objects(at, state, first, count)
        if any(kind != kinds.NAME for kind in state.frame[first + positional : first + count : 2]):
            raise self.refuse(at.address, "names an argument with what is not a name")


STEPS: dict[str, Callable[[Machine, Instruction, State], State]] = {
    "load local": Machine.load_local,
    "store local": Machine.store_local,
    "address of local": Machine.address_of_local,
    "load": Machine.load,
    "load qstr": Machine.load_qstr,
    "store to cell": Machine.store_to_cell,
    "copy": Machine.copy,
    "set": Machine.set,
    "set upper half": Machine.set_upper_half,
    "clear": Machine.clear,
    "extend": Machine.extend,
    "address of code": Machine.address_of_code,
    "compute": Machine.compute,
    "multiply": Machine.compute,
    "add": Machine.compute,
    "invert": Machine.compute,
    "compare with 0": Machine.compare_with_0,
    "compare": Machine.compare,
    "choose": Machine.choose,
}
