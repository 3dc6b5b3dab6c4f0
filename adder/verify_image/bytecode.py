"""Follows a function of bytecode on every path, as machine.py does with machine code.

The interpreter of bytecode (py/vm.c) believes what it interprets: it looks neither at the stack's depth, nor at the
number of a local or a constant, nor at where a jump leads. So this is checked here, with the same kinds; and the C that
an instruction calls is handed what runtime.py asks of machine code.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from adder.verify_image import kinds
from adder.verify_image.decode import Refused
from adder.verify_image.kinds import Kind
from adder.verify_image.machine import Surroundings
from adder.verify_image.prelude import Prelude
from adder.verify_image.runtime import BINARY, EXCEPTIONS, ITERATOR_WORDS, UNARY

LARGEST_STATE = 320
"""Bytes of a function's locals, stack and handlers: where the heap is full, they are taken from the kernel's stack."""

HANDLER_BYTES = 12  # mp_exc_stack_t

NAMES = {
    0x10: "load string", 0x11: "load name", 0x12: "load name", 0x13: "load attribute", 0x14: "load method",
    0x16: "store name", 0x18: "store attribute", 0x1B: "import", 0x1C: "import from",
    0x20: "make closure", 0x21: "make closure with defaults", 0x22: "load number", 0x23: "load constant",
    0x24: "load local", 0x25: "load cell", 0x26: "store local", 0x27: "store cell", 0x28: "delete local",
    0x2A: "build tuple", 0x2B: "build list", 0x2F: "append",
    0x30: "unpack", 0x32: "make function", 0x33: "make function with defaults", 0x34: "call", 0x36: "call method",
    0x40: "leave handlers and jump", 0x42: "jump", 0x43: "jump if", 0x44: "jump if", 0x45: "jump or pop",
    0x46: "jump or pop", 0x48: "set up except", 0x49: "set up finally", 0x4A: "leave handler and jump", 0x4B: "next",
    0x50: "load False", 0x51: "load None", 0x52: "load True", 0x53: "load 0", 0x54: "load build_class",
    0x55: "load item", 0x56: "store item", 0x57: "duplicate", 0x58: "duplicate two", 0x59: "pop", 0x5A: "rotate two",
    0x5B: "rotate three", 0x5D: "end finally", 0x5E: "iterate", 0x5F: "iterate here", 0x63: "return", 0x65: "raise",
}  # fmt: skip
"""The opcodes that are accepted (py/bc0.h)."""

RANGES = (
    (0x70, 0xB0, "load number"),
    (0xB0, 0xC0, "load local"),
    (0xC0, 0xD0, "store local"),
    (0xD0, 0xD0 + len(UNARY), "unary"),
    (0xD7, 0xD7 + len(BINARY), "binary"),
)
"""Opcodes that hold their argument."""

MOST = 0xFFFF
"""No function has more of anything. The interpreter counts in 32 bits, and begins anew at 0."""

BACKWARDS = ("leave handlers and jump", "jump", "jump if")  # jumps whose offset has a sign


@dataclass(frozen=True)
class Operation:
    """One instruction."""

    address: int
    after: int
    name: str
    argument: int = 0  # a number, or where a jump leads
    extra: int = 0


@dataclass(frozen=True)
class Handler:
    """An exception handler that was set up."""

    address: int
    depth: int  # of the stack when it was
    last: bool  # whether it is a `finally`, which the compiler makes for `except ... as`


@dataclass(frozen=True)
class State:
    """What is known before an instruction."""

    locals: tuple[Kind, ...]
    stack: tuple[Kind, ...] = ()
    handlers: tuple[Handler, ...] = ()

    def key(self, address: int) -> tuple[object, ...]:
        return (address, len(self.stack), self.handlers)

    def meet(self, other: "State") -> "State":
        return State(
            kinds.join_all(self.locals, other.locals),
            kinds.join_all(self.stack, other.stack),
            self.handlers,
        )

    def push(self, *values: Kind) -> "State":
        return replace(self, stack=self.stack + values)

    def drop(self, count: int) -> "State":
        return replace(self, stack=self.stack[: len(self.stack) - count])

    def put(self, local: int, kind: Kind) -> "State":
        return replace(self, locals=(*self.locals[:local], kind, *self.locals[local + 1 :]))

    def raised(self, address: int) -> Iterator[tuple[int, "State"]]:
        """An exception goes to the innermost handler that lies behind the instruction; others are dropped."""
        handlers = self.handlers
        while handlers and handlers[-1].address <= address:
            handlers = handlers[:-1]
        if handlers:
            stack = (*self.stack[: handlers[-1].depth], kinds.EXCEPTION)
            yield handlers[-1].address, State(self.locals, stack, handlers)


@dataclass
class Bytecode:
    """Follows one function. `demands`: how many cells it hands each function within."""

    bytes: bytes
    start: int
    around: Surroundings
    prelude: Prelude
    demands: dict[int, int] = field(default_factory=dict)

    def verify(self) -> None:
        """Follow every path; raises Refused."""
        prelude = self.prelude
        self.operations = {one.address: one for one in self.decode()}
        used = [one.argument for one in self.operations.values() if one.name in LOCAL]
        count = max([prelude.positional - 1, *prelude.cells, *used], default=-1) + 1
        self.deepest = prelude.state - count
        if 4 * prelude.state + HANDLER_BYTES * prelude.exceptions > LARGEST_STATE:
            raise Refused(self.start, "its head", f"takes more than {LARGEST_STATE} bytes for locals and stack")
        if self.deepest < 0 or self.around.closed > prelude.positional:
            raise Refused(self.start, "its head", "says less than its code takes")
        local = [kinds.OBJECT] * prelude.positional + [kinds.ZERO] * (count - prelude.positional)
        for cell in (*range(self.around.closed), *prelude.cells):
            local[cell] = kinds.CELL
        first = State(tuple(local))
        known = {first.key(self.start): first}
        waiting = [(self.start, first.key(self.start))]
        while waiting:
            address, key = waiting.pop()
            operation, state = self.operations[address], known[key]
            edges = list(self.step(operation, state))
            for source in (state, *(after for _, after in edges)):  # it may raise before it has done its work, or after
                edges += source.raised(address)
            for target, after in edges:
                if target not in self.operations:
                    raise self.refuse(
                        operation, f"leads to 0x{target:08x}, where no instruction of its function begins"
                    )
                if len(after.stack) > self.deepest or len(after.handlers) > prelude.exceptions:
                    raise self.refuse(operation, "takes more of the stack than its head says")
                place = after.key(target)
                before = known.get(place)
                met = after if before is None else before.meet(after)
                if met != before:
                    known[place] = met
                    waiting.append((target, place))

    def refuse(self, at: Operation, reason: str) -> Refused:
        return Refused(at.address, at.name, reason)

    # -- Decoding -------------------------------------------------------------

    def decode(self) -> Iterator[Operation]:
        at = 0
        try:
            while at < len(self.bytes):
                operation = self.operation(at)
                yield operation
                at = operation.after - self.start
        except IndexError:
            raise Refused(self.start + at, "the last instruction", "ends behind its function") from None

    def operation(self, at: int) -> Operation:
        """The formats are in py/bc0.h: by the upper half of the opcode, without or with a number or an offset."""
        opcode = self.bytes[at]
        address, name, argument, extra = self.start + at, NAMES.get(opcode), 0, 0
        at += 1
        for first, end, text in RANGES:
            if first <= opcode < end:
                name, argument = text, opcode - first
        if name is not None and 0x10 <= opcode < 0x40:
            more = 0x80
            while more & 0x80:
                more, at = self.bytes[at], at + 1
                argument = argument << 7 | more & 0x7F
            if argument > MOST and name != "load number":
                raise Refused(address, name, f"has the number {argument}, which is too large")
        elif name is not None and 0x40 <= opcode < 0x50:
            argument, bias, at = self.bytes[at], 0x40, at + 1
            if argument & 0x80:
                argument, bias, at = argument & 0x7F | self.bytes[at] << 7, 0x4000, at + 1
            argument += at + self.start - (bias if name in BACKWARDS else 0)
        if name is None:
            raise Refused(address, f"opcode 0x{opcode:02x}", "is none that is allowed")
        if opcode in (0x20, 0x21, 0x40):
            extra, at = self.bytes[at], at + 1
        return Operation(address, self.start + at, name, argument, extra)

    # -- Following ------------------------------------------------------------

    def step(self, at: Operation, state: State) -> Iterator[tuple[int, State]]:
        """Where this instruction leads unless it raises, and what is known there."""
        top = len(state.stack)
        if at.name == "jump":
            yield at.argument, state
        elif at.name == "jump if":
            self.objects(at, state, 1)
            yield at.argument, state.drop(1)
            yield at.after, state.drop(1)
        elif at.name == "jump or pop":
            self.objects(at, state, 1)
            yield at.argument, state
            yield at.after, state.drop(1)
        elif at.name == "next":
            iterator = tuple(kinds.iterator(word) for word in range(ITERATOR_WORDS))
            if state.stack[top - ITERATOR_WORDS :] != iterator:
                raise self.refuse(at, "goes on with no iterator")
            yield at.after, state.push(kinds.OBJECT)
            yield at.argument, state.drop(ITERATOR_WORDS)
        elif at.name == "return":
            self.objects(at, state, 1)
            self.no_finally(at, state.handlers)
        elif at.name == "raise":
            self.objects(at, state, 1)
        elif at.name == "leave handler and jump":
            yield at.argument, self.leave(at, state, 1)
        elif at.name == "leave handlers and jump":
            if top + 2 > self.deepest:
                raise self.refuse(at, "takes more of the stack than its head says")
            left = self.leave(at, state, at.extra & 0x7F)
            if at.extra & 0x80:
                self.need(at, left, ITERATOR_WORDS)
                left = left.drop(ITERATOR_WORDS)
            yield at.argument, left
        elif at.name == "end finally":
            self.need(at, state, 1)
            left = self.leave(at, state, 1, own=True).drop(1)
            if state.stack[-1] in (kinds.NONE, kinds.NO_EXCEPTION):
                yield at.after, left
            elif state.stack[-1] != kinds.EXCEPTION:
                raise self.refuse(at, f"ends with {state.stack[-1]}")
        else:
            yield at.after, STEPS[at.name](self, at, state)

    def leave(self, at: Operation, state: State, count: int, own: bool = False) -> State:
        if count > len(state.handlers):
            raise self.refuse(at, "leaves a handler that was not set up")
        kept = state.handlers[: len(state.handlers) - count]
        if not own:
            self.no_finally(at, state.handlers[len(kept) :])
        return replace(state, handlers=kept)

    def no_finally(self, at: Operation, handlers: Sequence[Handler]) -> None:
        """To jump through a `finally` the interpreter puts addresses on the stack."""
        if any(handler.last for handler in handlers):
            raise self.refuse(at, "jumps out of a `finally`")

    # -- What is on the stack -------------------------------------------------

    def need(self, at: Operation, state: State, count: int) -> tuple[Kind, ...]:
        if count > len(state.stack):
            raise self.refuse(at, f"takes {count} words from a stack of {len(state.stack)}")
        return state.stack[len(state.stack) - count :]

    def objects(self, at: Operation, state: State, count: int) -> None:
        for kind in self.need(at, state, count):
            self.object(at, kind)

    def object(self, at: Operation, kind: Kind) -> None:
        if kind == kinds.made(kind.number):
            self.demand(at, kind.number, 0)
        elif not kinds.is_object(kind):
            raise self.refuse(at, f"needs an object where {kind} is")

    def demand(self, at: Operation, index: int, cells: int) -> None:
        if self.demands.setdefault(index, cells) != cells:
            raise self.refuse(at, "hands a function within another number of cells than elsewhere")

    def qstr(self, at: Operation) -> None:
        if at.argument >= len(self.around.qstrs):
            raise self.refuse(at, f"names qstr {at.argument} of {len(self.around.qstrs)}")
        if self.around.qstrs[at.argument] in EXCEPTIONS and at.name.startswith("store"):
            raise self.refuse(at, "binds the name of a built-in exception")

    def arguments(self, at: Operation, state: State, head: int) -> State:
        """Drop the arguments of a call, and what is called."""
        positional, named = at.argument & 0xFF, at.argument >> 8
        if named > 0xFF:
            raise self.refuse(at, "has too many arguments")
        count = positional + 2 * named
        called = self.need(at, state, head + count)[:head]
        self.objects(at, state, count)
        if any(kind != kinds.NAME for kind in state.stack[len(state.stack) - 2 * named : len(state.stack) : 2]):
            raise self.refuse(at, "names an argument with what is not a name")
        if head == 1:
            self.object(at, called[0])
        elif called != (kinds.method(0), kinds.method(1)):
            raise self.refuse(at, f"calls {called[0]} with {called[1]}")
        return state.drop(head + count).push(kinds.OBJECT)

    def make(self, at: Operation, state: State, defaults: bool, cells: int) -> State:
        """A function of one within, with a tuple of defaults or none, and cells for its first parameters."""
        count = 2 * defaults + cells
        given = self.need(at, state, count)
        if at.argument >= len(self.around.children):
            raise self.refuse(at, f"makes a function of number {at.argument} of {len(self.around.children)}")
        wanted = self.around.children[at.argument]
        if (given[:2] != (kinds.tuple_of(wanted), kinds.ZERO)) if defaults else wanted != 0:
            raise self.refuse(at, f"makes a function that has {wanted} defaults with others")
        if any(kind != kinds.CELL for kind in given[2 * defaults :]):
            raise self.refuse(at, "hands a function within something else than cells")
        if cells:
            self.demand(at, at.argument, cells)
        return state.drop(count).push(kinds.OBJECT if cells else kinds.made(at.argument))


Step = Callable[[Bytecode, Operation, State], State]


def _takes(count: int, *left: Kind, qstr: bool = False) -> Step:
    """Takes so many objects from the stack, and leaves something."""

    def step(self: Bytecode, at: Operation, state: State) -> State:
        if qstr:
            self.qstr(at)
        self.objects(at, state, count)
        return state.drop(count).push(*left)

    return step


def _import_from(self: Bytecode, at: Operation, state: State) -> State:
    self.qstr(at)
    self.objects(at, state, 1)
    return state.push(kinds.OBJECT)


def _load_constant(self: Bytecode, at: Operation, state: State) -> State:
    if at.argument >= len(self.around.objects):
        raise self.refuse(at, f"loads constant {at.argument} of {len(self.around.objects)}")
    self.object(at, self.around.objects[at.argument])
    return state.push(self.around.objects[at.argument])


def _load_local(self: Bytecode, at: Operation, state: State) -> State:
    """The interpreter raises an exception if there is none."""
    kind = state.locals[at.argument]
    return state.push(kinds.OBJECT if kind in (kinds.MAYBE, kinds.ZERO) else kind)


def _store_local(self: Bytecode, at: Operation, state: State) -> State:
    self.objects(at, state, 1)
    return state.drop(1).put(at.argument, kinds.OBJECT)


def _delete_local(self: Bytecode, at: Operation, state: State) -> State:
    return state.put(at.argument, kinds.ZERO)


def _cell(self: Bytecode, at: Operation, state: State) -> None:
    if state.locals[at.argument] != kinds.CELL:
        raise self.refuse(at, f"takes {state.locals[at.argument]} for a cell")


def _load_cell(self: Bytecode, at: Operation, state: State) -> State:
    _cell(self, at, state)
    return state.push(kinds.OBJECT)


def _store_cell(self: Bytecode, at: Operation, state: State) -> State:
    _cell(self, at, state)
    self.objects(at, state, 1)
    return state.drop(1)


def _build(kind: Callable[[int], Kind]) -> Step:
    def step(self: Bytecode, at: Operation, state: State) -> State:
        self.objects(at, state, at.argument)
        return state.drop(at.argument).push(kind(at.argument))

    return step


def _append(self: Bytecode, at: Operation, state: State) -> State:
    """Appends to a list so many words down; other comprehensions than lists do not exist."""
    self.objects(at, state, 1)
    if at.argument & 3 or self.need(at, state, (at.argument >> 2) + 1)[0] != kinds.LIST:
        raise self.refuse(at, "appends to what is not a list")
    return state.drop(1)


def _unpack(self: Bytecode, at: Operation, state: State) -> State:
    self.objects(at, state, 1)
    return state.drop(1).push(*[kinds.OBJECT] * at.argument)


def _any(count: int, order: Sequence[int]) -> Step:
    """Moves words of the stack, whatever they are."""

    def step(self: Bytecode, at: Operation, state: State) -> State:
        words = self.need(at, state, count)
        return state.drop(count).push(*(kinds.copied(words[n]) for n in order))

    return step


def _set_up(last: bool) -> Step:
    def step(self: Bytecode, at: Operation, state: State) -> State:
        return replace(state, handlers=(*state.handlers, Handler(at.argument, len(state.stack), last)))

    return step


def _iterate_here(self: Bytecode, at: Operation, state: State) -> State:
    self.objects(at, state, 1)
    return state.drop(1).push(*(kinds.iterator(word) for word in range(ITERATOR_WORDS)))


STEPS: dict[str, Step] = {
    "load string": _takes(0, kinds.NAME, qstr=True),
    "load name": _takes(0, kinds.OBJECT, qstr=True),
    "load attribute": _takes(1, kinds.OBJECT, qstr=True),
    "load method": _takes(1, kinds.method(0), kinds.method(1), qstr=True),
    "store name": _takes(1, qstr=True),
    "store attribute": _takes(2, qstr=True),
    "import": _takes(2, kinds.OBJECT, qstr=True),
    "import from": _import_from,
    "make closure": lambda self, at, state: self.make(at, state, False, at.extra),
    "make closure with defaults": lambda self, at, state: self.make(at, state, True, at.extra),
    "make function": lambda self, at, state: self.make(at, state, False, 0),
    "make function with defaults": lambda self, at, state: self.make(at, state, True, 0),
    "load number": _takes(0, kinds.CONSTANT),
    "load constant": _load_constant,
    "load local": _load_local,
    "load cell": _load_cell,
    "store local": _store_local,
    "store cell": _store_cell,
    "delete local": _delete_local,
    "build tuple": _build(kinds.tuple_of),
    "build list": _build(lambda _: kinds.LIST),
    "append": _append,
    "unpack": _unpack,
    "call": lambda self, at, state: self.arguments(at, state, 1),
    "call method": lambda self, at, state: self.arguments(at, state, 2),
    "set up except": _set_up(False),
    "set up finally": _set_up(True),
    "load False": _takes(0, kinds.FALSE),
    "load None": _takes(0, kinds.NONE),
    "load True": _takes(0, kinds.TRUE),
    "load 0": _takes(0, kinds.ZERO),
    "load build_class": _takes(0, kinds.OBJECT),
    "load item": _takes(2, kinds.OBJECT),
    "store item": _takes(3),
    "duplicate": _any(1, (0, 0)),
    "duplicate two": _any(2, (0, 1, 0, 1)),
    "pop": _any(1, ()),
    "rotate two": _any(2, (1, 0)),
    "rotate three": _any(3, (2, 0, 1)),
    "iterate": _takes(1, kinds.OBJECT),
    "iterate here": _iterate_here,
    "unary": _takes(1, kinds.OBJECT),
    "binary": _takes(2, kinds.OBJECT),
}

LOCAL = ("load local", "load cell", "store local", "store cell", "delete local")
