"""Runs one function of machine code in Unicorn, between guards, and says what it did that it may not.

This is the second verifier's judge, so it shares nothing with it but the description of the function. The runtime's
table leads to a page of gates; what the runtime would do there is done here, with objects that are addresses without
memory. What a run decides by chance: what the runtime returns, when it raises, when a time-out comes.
"""

import random
from dataclasses import dataclass, field
from typing import Any

import unicorn as uc
from unicorn import arm_const as arm

from adder.verify_image import Code, kinds

STACK, STACK_SIZE = 0x20000000, 0x4000
ENTRY_SP = STACK + 0x3000
RETURN, GATES = 0x10000000, 0x10001000
TABLES, TABLE_PAGES = 0x30000000, 8  # each table ends where its page does, and the page behind it is not there
CELLS = 0x40000000
OBJECTS = 0x60000000  # and beyond: no memory
METHODS = 0x50000000  # no memory, and no objects by themselves
POISON = 0x7EADBEE2  # neither an object nor an address
NONE, SENTINEL = 0x06, 4
EXCEPTIONS = ("Exception", "IndexError", "OSError", "RuntimeError", "TypeError", "ValueError")

_LOW = [getattr(arm, f"UC_ARM_REG_R{n}") for n in range(12)]
_SP, _LR, _PC = arm.UC_ARM_REG_SP, arm.UC_ARM_REG_LR, arm.UC_ARM_REG_PC


class Broken(Exception):
    """The function did what it may not."""


class Done(Exception):
    """The run is over, and all was well."""


@dataclass
class Run:
    """What is true of one run."""

    chance: random.Random
    handed_out: set[int] = field(default_factory=set)
    functions: dict[int, int] = field(default_factory=dict)  # made of which function within
    cells_of: dict[int, int] = field(default_factory=dict)
    exceptions: set[int] = field(default_factory=set)  # the classes
    lists: set[int] = field(default_factory=set)
    tuples: dict[int, int] = field(default_factory=dict)
    cells: set[int] = field(default_factory=set)
    iterators: dict[int, bytes] = field(default_factory=dict)
    methods: dict[int, int] = field(default_factory=dict)  # with the self of each
    handler: tuple[int, bytes] | None = None
    own_globals: bool = False
    same_globals: bool = False
    calls: int = 0
    raised: int = 0
    raise_next: bool = False


class Emulator:
    """One function's surroundings; its code can be replaced from run to run."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.around = code.around
        self.machine = uc.Uc(uc.UC_ARCH_ARM, uc.UC_MODE_THUMB | uc.UC_MODE_MCLASS)
        self.machine.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M4)
        page = code.start & ~0xFFF
        self.pages = (page, (code.start + len(code.bytes) + 0xFFF & ~0xFFF) - page)
        self.machine.mem_map(*self.pages, uc.UC_PROT_READ | uc.UC_PROT_EXEC)
        self.machine.mem_map(STACK, STACK_SIZE)
        self.machine.mem_map(RETURN, 0x1000)
        self.machine.mem_map(GATES, 0x1000, uc.UC_PROT_READ | uc.UC_PROT_EXEC)
        self.machine.mem_write(GATES, b"\x70\x47\x70\x47" * 0x400)  # bx lr
        self.machine.mem_map(CELLS, 0x1000)
        self.tables = 0
        globals_ = OBJECTS - 0x1000
        self.runtime = self.table([0x06, 0x0E, 0x1E, *(GATES + 4 * n + 1 for n in range(3, 87))])
        known = {kinds.RUNTIME: self.runtime, kinds.OBJECT: OBJECTS, kinds.NAME: 0x1A}
        self.constants = [known.get(kind, kind.number) for kind in self.around.objects]
        self.names = {
            word for word, kind in zip(self.constants, self.around.objects, strict=True) if kind == kinds.NAME
        }
        count = len(self.around.qstrs)
        words = [0x10000 * (2 * n + 8) + 2 * n + 7 for n in range((count + 1) // 2)]  # entry n is 7 + n
        qstrs = self.table(words, 2 * count)
        self.globals = globals_
        self.context = self.table([POISON, globals_, qstrs, self.table(self.constants)])
        self.children = [OBJECTS - 0x800 + 8 * n for n in range(len(self.around.children))]
        self.function = self.table([POISON, self.context, self.table(self.children)])
        self.hooks()

    def table(self, words: list[int], size: int | None = None) -> int:
        """Memory that ends where the page does."""
        page = TABLES + 0x2000 * self.tables
        self.tables += 1
        self.machine.mem_map(page, 0x1000, uc.UC_PROT_READ)
        data = b"".join(word.to_bytes(4, "little") for word in words)
        data = data if size is None else data[:size]
        self.machine.mem_write(page + 0x1000 - len(data), data)
        return page + 0x1000 - len(data)

    def hooks(self) -> None:
        add = self.machine.hook_add
        add(uc.UC_HOOK_BLOCK, self.on_block, begin=self.pages[0], end=self.pages[0] + self.pages[1] - 1)
        add(uc.UC_HOOK_CODE, self.on_gate, begin=GATES, end=GATES + 0xFFF)
        add(uc.UC_HOOK_CODE, self.on_return, begin=RETURN, end=RETURN + 0xFFF)
        add(uc.UC_HOOK_MEM_WRITE, self.on_stray_write, begin=ENTRY_SP, end=STACK + STACK_SIZE - 1)
        add(uc.UC_HOOK_MEM_WRITE, self.on_stray_write, begin=STACK, end=ENTRY_SP - 353)
        add(uc.UC_HOOK_MEM_WRITE, self.on_cell_write, begin=CELLS, end=CELLS + 0xFFF)
        add(uc.UC_HOOK_MEM_READ, self.on_stray_read, begin=self.pages[0], end=self.pages[0] + self.pages[1] - 1)
        add(uc.UC_HOOK_MEM_READ, self.on_stray_read, begin=ENTRY_SP, end=STACK + STACK_SIZE - 1)

    # -- One run --------------------------------------------------------------

    def run(self, code: bytes, starts: set[int], seed: int) -> str | None:
        """What the function did that it may not, or None. `starts`: where instructions begin."""
        machine, start = self.machine, self.code.start
        self.starts, self.now, self.problem = starts, Run(random.Random(seed)), None
        machine.mem_write(self.pages[0], b"\xff\xde" * (self.pages[1] // 2))  # undefined instructions
        machine.mem_write(start, code)
        machine.ctl_remove_cache(self.pages[0], self.pages[0] + self.pages[1])
        machine.mem_write(STACK, POISON.to_bytes(4, "little") * (STACK_SIZE // 4))
        machine.mem_write(CELLS, POISON.to_bytes(4, "little") * 0x400)
        self.kept = [0x5A000002 + (n << 8) for n in range(12)]
        for register, value in zip(_LOW, self.kept, strict=True):
            machine.reg_write(register, value)
        self.given = self.prepare_arguments()
        for register, value in zip(_LOW, (self.function, len(self.given), 0, self.arguments), strict=False):
            machine.reg_write(register, value)
        machine.reg_write(_SP, ENTRY_SP)
        machine.reg_write(_LR, RETURN | 1)
        self.over = False
        try:
            machine.emu_start(start | 1, 0, count=4000)
        except uc.UcError as error:
            if not self.over:
                self.problem = f"{error} at 0x{machine.reg_read(_PC):08x}"
        return self.problem

    def prepare_arguments(self) -> list[int]:
        """Nearly always as many as wanted."""
        prelude = self.around.prelude
        wanted = prelude.positional if prelude else self.now.chance.choice((1, 2, 3, 5))
        self.now.handed_out |= set(self.constants) - {self.runtime}
        given = [self.cell() if n < self.around.closed else self.object() for n in range(wanted)]
        self.arguments = ENTRY_SP + 0x100
        words = [*given, POISON, POISON]
        self.machine.mem_write(self.arguments, b"".join(word.to_bytes(4, "little") for word in words))
        return given

    def object(self) -> int:
        """Something new, or a small int."""
        if self.now.chance.random() < 0.3:
            return self.now.chance.choice((0x06, 0x0E, 0x1E, 1, 3, 0x55))
        made = OBJECTS + 8 * (1 + len(self.now.handed_out))
        self.now.handed_out.add(made)
        return made

    def cell(self) -> int:
        made = CELLS + 8 * len(self.now.cells)
        self.now.cells.add(made)
        self.machine.mem_write(made + 4, self.object().to_bytes(4, "little"))
        return made

    # -- Guards ---------------------------------------------------------------

    def stop(self, problem: str | None) -> None:
        self.problem, self.over = self.problem or problem, True
        self.machine.emu_stop()

    def on_block(self, machine: uc.Uc, address: int, size: int, data: Any) -> None:
        if address not in self.starts:
            self.stop(f"runs 0x{address:08x}, where no instruction begins")
        elif self.now.handler is not None and self.now.chance.random() < 0.02:
            self.land()  # a time-out

    def on_stray_write(self, machine: uc.Uc, access: int, address: int, size: int, value: int, data: Any) -> None:
        self.stop(f"writes to 0x{address:08x}, beyond its frame")

    def on_stray_read(self, machine: uc.Uc, access: int, address: int, size: int, value: int, data: Any) -> None:
        inside = self.arguments <= address < self.arguments + 4 * len(self.given)
        if not inside:
            self.stop(f"reads 0x{address:08x}, which is not its own")

    def on_cell_write(self, machine: uc.Uc, access: int, address: int, size: int, value: int, data: Any) -> None:
        if address - 4 not in self.now.cells or size != 4 or not self.is_object(value & 0xFFFFFFFF):
            self.stop(f"writes 0x{value & 0xFFFFFFFF:x} to 0x{address:08x}, near its cells")

    def on_return(self, machine: uc.Uc, address: int, size: int, data: Any) -> None:
        problem = None
        if machine.reg_read(_SP) != ENTRY_SP:
            problem = "returns with another stack pointer"
        elif [machine.reg_read(register) for register in _LOW[4:]] != self.kept[4:]:
            problem = "returns with other registers"
        elif self.now.handler is not None:
            problem = "returns with its exception handler in force"
        elif self.now.own_globals and not self.now.same_globals:
            problem = "returns with its own globals"
        elif not self.is_object(machine.reg_read(_LOW[0])):
            problem = "returns what is not an object"
        self.stop(problem)

    def is_object(self, word: int) -> bool:
        if word in self.now.functions:
            return True
        return word & 1 == 1 or word in (0x06, 0x0E, 0x1E) or word in self.now.handed_out

    # -- The runtime ----------------------------------------------------------

    def on_gate(self, machine: uc.Uc, address: int, size: int, data: Any) -> None:
        index = (address - GATES) // 4
        self.now.calls += 1
        if self.now.calls > 150:
            self.stop(None)
            return
        arguments = [machine.reg_read(register) for register in _LOW[:4]]
        try:
            entry = ENTRIES.get(index)
            if entry is None or address % 4:
                raise Broken(f"calls entry {index} of the runtime's table")
            result = entry(self, *arguments)
            if index not in (5, 32, 33) and self.now.chance.random() < 0.06:
                self.land()
                return
            machine.reg_write(_LOW[0], self.now.chance.choice((POISON, 2, 0x20002000)) if result is None else result)
            for register in (*_LOW[1:4], arm.UC_ARM_REG_R12):
                machine.reg_write(register, POISON)
        except Broken as problem:
            self.stop(str(problem))
        except Done:
            self.stop(None)
        except _Raise:
            self.land()

    def land(self) -> None:
        """An exception: nlr_jump takes the registers from the buffer that is in force, or the function is left."""
        self.now.raised += 1
        if self.now.handler is None:
            if self.now.own_globals and not self.now.same_globals:
                self.stop("is left with its own globals")
            else:
                self.stop(None)
            return
        place, before = self.now.handler
        now = bytes(self.machine.mem_read(place, 72))
        free = (*range(4, 8), *range(12, 16))  # ret_val, r4
        if any(now[n] != before[n] for n in range(72) if n not in free):
            self.stop("has changed the buffer of its exception handler")
            return
        words = [int.from_bytes(now[n : n + 4], "little") for n in range(0, 72, 4)]
        self.now.handler = None
        self.machine.mem_write(place + 4, self.object_without_value().to_bytes(4, "little"))
        self.machine.reg_write(_LOW[0], 1)
        for register, value in zip(_LOW[4:12], words[3:11], strict=True):
            self.machine.reg_write(register, value)
        self.machine.reg_write(_SP, words[11])
        state = self.machine.reg_read(arm.UC_ARM_REG_XPSR)
        self.machine.reg_write(arm.UC_ARM_REG_XPSR, state & ~0x0600FC00)  # as firmware/kernel/contain.c does
        self.machine.reg_write(_PC, words[2])

    def object_without_value(self) -> int:
        made = OBJECTS + 8 * (1 + len(self.now.handed_out))
        self.now.handed_out.add(made)
        return made

    # -- What the runtime looks at --------------------------------------------

    def need_object(self, word: int, within: int | None = None) -> None:
        if not self.is_object(word):
            raise Broken(f"hands the runtime 0x{word:08x} for an object")
        if word in self.now.functions:
            self.hand_cells(self.now.functions[word], 0)

    def hand_cells(self, child: int, cells: int) -> None:
        if self.now.cells_of.setdefault(child, cells) != cells:
            raise Broken("hands a function within another number of cells")

    def need_qstr(self, word: int) -> None:
        if not 7 <= word < 7 + len(self.around.qstrs):
            raise Broken(f"hands the runtime 0x{word:08x} for a qstr")

    def need_names(self) -> None:
        if not self.now.own_globals:
            raise Broken("looks up a name in its caller's globals")

    def place(self, address: int, words: int) -> list[int]:
        if not ENTRY_SP - 352 <= address <= ENTRY_SP - 20 - 4 * words or address % 4:
            raise Broken(f"hands the runtime 0x{address:08x} for {words} words of its frame")
        if address < self.machine.reg_read(_SP):
            raise Broken("hands the runtime a place below its stack")
        data = bytes(self.machine.mem_read(address, 4 * words))
        return [int.from_bytes(data[n : n + 4], "little") for n in range(0, 4 * words, 4)]

    def write(self, address: int, *words: int) -> None:
        self.place(address, len(words))
        if self.now.handler is not None:
            begin = self.now.handler[0]
            for n in range(len(words)):
                if begin <= address + 4 * n < begin + 72 and address + 4 * n not in (begin + 4, begin + 12):
                    raise Broken("has the runtime write over the buffer of its exception handler")
        self.machine.mem_write(address, b"".join(word.to_bytes(4, "little") for word in words))

    def call_arguments(self, address: int, positional: int, named: int) -> None:
        if positional + named:
            words = self.place(address, positional + 2 * named)
            for word in words:
                self.need_object(word)
            if any(word not in self.names for word in words[positional::2]):
                raise Broken("names an argument with what is not a name")


class _Raise(Exception):
    pass


def _scalar(kind: int) -> None:
    if kind not in (1, 2, 3):
        raise Broken(f"converts to or from type {kind}")


def _plain(*wanted: str, result: str = "", names: bool = False):
    def entry(self: Emulator, *arguments: int) -> int | None:
        if names:
            self.need_names()
        for want, word in zip(wanted, arguments, strict=False):
            if want == "object":
                self.need_object(word)
            elif want == "qstr":
                self.need_qstr(word)
            elif want == "scalar":
                _scalar(word)
            elif (
                want == "word" and (word >= OBJECTS - 0x1000 or word in (self.function, self.context)) and word & 1 == 0
            ):
                if word in self.now.handed_out:
                    raise Broken("computes with an object's address")
            elif want.startswith("<") and word >= int(want[1:]):
                raise Broken(f"has an operation {word}")
            elif want == "list" and word not in self.now.lists:
                raise Broken("appends to what is not a list")
        if result == "object":
            return self.object()
        if result == "maybe":
            return self.now.chance.choice((0, self.object(), self.object()))
        if result == "bool":
            return self.now.chance.randrange(2)
        if result == "word":
            return self.now.chance.choice((0, 1, 2, 3, 100, 0xFFFFFFFF, self.now.chance.getrandbits(32)))
        return None

    return entry


def _swap_globals(self: Emulator, new: int, *_: int) -> int:
    if new == 0:
        if self.now.own_globals and not self.now.same_globals:
            raise Broken("forgets its caller's globals")
        self.now.own_globals = False
        return 0
    if new == self.globals and not self.now.own_globals:
        self.now.own_globals = True
        self.now.same_globals = self.now.chance.random() < 0.5
        return 0 if self.now.same_globals else OBJECTS - 0x2000
    if new == OBJECTS - 0x2000:
        self.now.own_globals = False
        return self.globals
    raise Broken(f"sets the globals to 0x{new:08x}")


def _look_up(self: Emulator, name: int, *_: int) -> int:
    self.need_names()
    self.need_qstr(name)
    found = self.object_without_value()
    if self.around.qstrs[name - 7] in EXCEPTIONS:
        self.now.exceptions.add(found)
    return found


def _load_method(self: Emulator, base: int, name: int, place: int, _: int) -> None:
    self.need_object(base)
    self.need_qstr(name)
    called = METHODS + 8 * len(self.now.methods)
    self.now.methods[called] = self.now.chance.choice((0, base))
    self.write(place, called, self.now.methods[called])


def _subscript(self: Emulator, base: int, index: int, value: int, _: int) -> int:
    self.need_object(base)
    self.need_object(index)
    if value != SENTINEL:
        self.need_object(value)
    return self.object()


def _build(which: str):
    def entry(self: Emulator, count: int, place: int, *_: int) -> int:
        if count > 255:
            raise Broken(f"builds {count} items")
        for word in self.place(place, count):
            self.need_object(word)
        made = self.object_without_value()
        if which == "list":
            self.now.lists.add(made)
        else:
            self.now.tuples[made] = count
        return made

    return entry


def _make_function(self: Emulator, child: int, context: int, defaults: int, _: int) -> int:
    if child not in self.children or context != self.context:
        raise Broken("makes a function of something else")
    index = self.children.index(child)
    given = 0
    if defaults:
        positional, named = self.place(defaults, 2)
        if named or (positional and positional not in self.now.tuples):
            raise Broken("makes a function with wrong defaults")
        given = self.now.tuples.get(positional, 0)
    if given != self.around.children[index]:
        raise Broken("makes a function with another number of defaults")
    made = self.object_without_value()
    self.now.functions[made] = index
    return made


def _new_closure(self: Emulator, function: int, count: int, place: int, _: int) -> int:
    if function not in self.now.functions or not 0 < count < 256:
        raise Broken("makes a closure of what was made of no function")
    if any(word not in self.now.cells for word in self.place(place, count)):
        raise Broken("closes over what is not a cell")
    self.hand_cells(self.now.functions[function], count)
    return self.object()


def _call_function(self: Emulator, function: int, count: int, place: int, _: int) -> int:
    self.need_object(function)
    if count > 0xFFFF:
        raise Broken("calls with too many arguments")
    self.call_arguments(place, count & 0xFF, count >> 8)
    return self.object_without_value() if function in self.now.exceptions else self.object()


def _call_method(self: Emulator, positional: int, named: int, place: int, _: int) -> int:
    if positional > 255 or named > 255:
        raise Broken("calls with too many arguments")
    called, own = self.place(place, 2)
    if self.now.methods.get(called) != own:
        raise Broken("calls a method with another self")
    self.call_arguments(place + 8, positional, named)
    return self.object()


def _getiter(self: Emulator, base: int, place: int, *_: int) -> int | None:
    self.need_object(base)
    if place == 0:
        return self.object()
    words = [POISON + 4 * n for n in range(1, 5)]
    self.write(place, *words)
    self.now.iterators[place] = bytes(self.machine.mem_read(place, 16))
    return None


def _iternext(self: Emulator, place: int, *_: int) -> int:
    self.place(place, 4)
    if self.now.iterators.get(place) != bytes(self.machine.mem_read(place, 16)):
        raise Broken("goes on with what is not an iterator")
    return self.now.chance.choice((0, self.object(), self.object()))


def _nlr_push(self: Emulator, place: int, *_: int) -> int:
    if self.now.handler is not None:
        raise Broken("pushes a second exception handler")
    exception = self.place(place, 18)[1]
    registers = [self.machine.reg_read(register) for register in _LOW[4:12]]
    words = [POISON, exception, self.machine.reg_read(_LR), *registers, self.machine.reg_read(_SP), *[POISON] * 6]
    self.write(place, *words)
    self.now.handler = (place, bytes(self.machine.mem_read(place, 72)))
    return 0


def _nlr_pop(self: Emulator, *_: int) -> None:
    if self.now.handler is None:
        raise Broken("pops its caller's exception handler")
    self.now.handler = None


def _native_raise(self: Emulator, word: int, *_: int) -> None:
    if word not in (0, NONE):
        self.need_object(word)
        raise _Raise


def _unpack(self: Emulator, base: int, count: int, place: int, _: int) -> None:
    self.need_object(base)
    if count > 255:
        raise Broken("unpacks too many")
    self.write(place, *(self.object() for _ in range(count)))


def _check_count(self: Emulator, count: int, named: int, signature: int, _: int) -> None:
    if count != len(self.given) or named != 0:
        raise Broken("checks other arguments than its own")
    if not signature >> 17 <= count <= (signature >> 1 & 0xFFFF):
        raise _Raise
    if signature & 1:
        raise Broken("takes named arguments")


def _setup(self: Emulator, place: int, count: int, named: int, arguments: int) -> None:
    prelude = self.around.prelude
    if prelude is None or (count, named, arguments) != (len(self.given), 0, self.arguments):
        raise Broken("takes other arguments than its own")
    words = self.place(place, 5 + prelude.state)
    if words[0] != self.function or words[3] & 0xFFFF != prelude.state or words[3] >> 16:
        raise Broken("prepares another function's state")
    local = [*self.given, *[0] * (prelude.state - len(self.given))]
    for n in prelude.cells:
        made = self.cell()
        self.machine.mem_write(made + 4, (local[n] or self.object()).to_bytes(4, "little"))
        local[n] = made
    self.write(place, words[0], POISON, POISON, prelude.state, words[4], *reversed(local))


ENTRIES = {
    3: _plain("object", "scalar", result="word"), 4: _plain("word", "scalar", result="object"), 5: _swap_globals,
    6: _look_up, 7: _look_up,
    8: _plain(result="object"), 9: _plain("object", "qstr", result="object"), 10: _load_method,
    12: _plain("qstr", "object"), 14: _plain("object", "qstr", "object"), 15: _subscript,
    16: _plain("object", result="bool"), 17: _plain("<4", "object", result="object"),
    18: _plain("<35", "object", "object", result="object"), 19: _build("tuple"), 20: _build("list"),
    24: _plain("list", "object", result="object"), 26: _make_function, 27: _call_function, 28: _call_method,
    30: _getiter, 31: _iternext, 32: _nlr_push, 33: _nlr_pop, 34: _native_raise,
    35: _plain("qstr", "object", "object", result="object", names=True), 36: _plain("object", "qstr", result="object"),
    39: _unpack, 43: _new_closure, 44: _check_count, 45: _setup,
    46: _plain("word", "word", result="word"), 47: _plain("word", "word", result="word"),
}  # fmt: skip
