"""The second verifier against bytecode with one wrong bit, judged by an interpreter that looks at all it does.

The judge shares nothing with the verifier: MicroPython's own tool decodes, and each opcode does to one array of words
what py/vm.c does to its own, stack and locals alike. A word is what it is: an object, 0, a cell, a word of an iterator.
"""

import random
from typing import Any

import pytest
from compiled import mpy_tool
from fuzzing import record

from adder.verify_image import Verifier, verify_image
from adder.verify_image.bytecode import Bytecode
from adder.verify_image.decode import Refused

SAMPLE, ALL = 1500, 50_000
RUNS = 6
OBJECTS = ("object", "None", "exception", "list", "name")

NAMING = (
    "LOAD_CONST_STRING", "LOAD_NAME", "LOAD_GLOBAL", "LOAD_ATTR", "LOAD_METHOD", "STORE_NAME", "STORE_ATTR",
    "IMPORT_NAME", "IMPORT_FROM",
)  # fmt: skip


class Broken(Exception):
    """The interpreter would have believed what is not so."""


class Judge:
    """One run of a function, in which conditions, ends of loops and exceptions come by chance."""

    def __init__(self, tool: Any, bytecode: Bytecode, data: bytes, chance: random.Random) -> None:
        self.tool, self.bytecode, self.data, self.chance = tool, bytecode, data, chance
        self.starts: dict[int, tuple[str, int, int | None, int | None]] = {}
        at = 0
        while at < len(data):
            _, size, argument, extra = tool.mp_opcode_decode(data, at)
            name, *number = tool.Opcode.mapping[data[at]].split()[:2]
            self.starts[at] = (name, size, int(number[0]) if number else argument, extra)
            at += size
        prelude, count = bytecode.prelude, bytecode.prelude.state
        self.words: list[Any] = ["0"] * count
        for n in range(prelude.positional):
            self.words[count - 1 - n] = "cell" if n < bytecode.around.closed else "object"
        for n in prelude.cells:
            self.words[count - 1 - n] = "cell"
        self.sp = -1
        self.handlers: list[tuple[int, int, bool]] = []

    def put(self, at: int, word: Any) -> None:
        if not 0 <= at < len(self.words):
            raise Broken(f"writes word {at} of {len(self.words)}")
        self.words[at] = word

    def get(self, at: int) -> Any:
        if not 0 <= at < len(self.words):
            raise Broken(f"reads word {at} of {len(self.words)}")
        return self.words[at]

    def push(self, *words: Any) -> None:
        for word in words:
            self.sp += 1
            self.put(self.sp, word)

    def pop(self) -> Any:
        self.sp -= 1
        return self.get(self.sp + 1)

    def object(self, word: Any) -> Any:
        if word not in OBJECTS and not (isinstance(word, tuple) and word[0] in ("tuple", "made")):
            raise Broken(f"uses {word} as an object")
        return word

    def pops(self, count: int) -> None:
        for _ in range(count):
            self.object(self.pop())

    def index(self, number: int | None, count: int) -> int:
        if number is None or not 0 <= number < count:
            raise Broken(f"uses number {number} of {count}")
        return number

    def local(self, number: int | None) -> int:
        return len(self.words) - 1 - self.index(number, len(self.words))

    def run(self) -> None:
        at = 0
        for _ in range(200):
            if at not in self.starts:
                raise Broken(f"jumps to {at}, where no instruction begins")
            name, size, argument, extra = self.starts[at]
            raises = self.chance.random() < 0.03
            after = self.caught(at) if raises else self.step(at, name, size, argument, extra)
            if after is None:
                return
            at = after

    def caught(self, at: int) -> int | None:
        while self.handlers and self.handlers[-1][0] <= at:
            self.handlers.pop()
        if not self.handlers:
            return None
        target, self.sp, _ = self.handlers[-1]
        self.push("exception")
        return target

    def call(self, count: int, head: int) -> None:
        positional, named = count & 0xFF, count >> 8
        for n in range(named):
            self.object(self.get(self.sp - 2 * n))
            if self.get(self.sp - 2 * n - 1) != "name":
                raise Broken("names an argument with what is not a name")
        self.sp -= 2 * named
        self.pops(positional)
        if head == 1:
            self.pops(1)
        else:
            own, called = self.pop(), self.pop()
            if own[0] != "self" or called != ("method", own[1]):
                raise Broken("calls a method with another self")
        self.push("object")

    def make(self, number: int | None, defaults: bool, cells: int) -> None:
        wanted = self.bytecode.around.children[self.index(number, len(self.bytecode.around.children))]
        for _ in range(cells):
            if self.pop() != "cell":
                raise Broken("hands on what is not a cell")
        if (defaults and (self.pop() != "0" or self.pop() != ("tuple", wanted))) or (not defaults and wanted):
            raise Broken("makes a function with other defaults")
        self.push("object" if cells else ("made", number))

    def step(self, at: int, name: str, size: int, argument: int | None, extra: int | None) -> int | None:
        after = at + size
        around = self.bytecode.around
        if name in NAMING:
            self.index(argument, len(around.qstrs))
        number = argument or 0
        match name:
            case (
                "LOAD_CONST_FALSE"
                | "LOAD_CONST_TRUE"
                | "LOAD_CONST_SMALL_INT"
                | "LOAD_NAME"
                | "LOAD_GLOBAL"
                | "LOAD_BUILD_CLASS"
            ):
                self.push("object")
            case "LOAD_CONST_NONE":
                self.push("None")
            case "LOAD_CONST_STRING":
                self.push("name")
            case "LOAD_CONST_OBJ":
                kind = around.objects[self.index(argument, len(around.objects))]
                if "runtime" in kind.name:
                    raise Broken("loads the runtime's table")
                self.push("name" if "qstr" in kind.name else "object")
            case "LOAD_NULL":
                self.push("0")
            case "LOAD_FAST_N" | "LOAD_FAST":
                word = self.get(self.local(argument))
                if word == "0":
                    return self.caught(at)
                self.push(word)
            case "LOAD_DEREF" | "STORE_DEREF":
                if self.get(self.local(argument)) != "cell":
                    raise Broken("takes something for a cell")
                if name == "LOAD_DEREF":
                    self.push("object")
                else:
                    self.pops(1)
            case "STORE_FAST_N" | "STORE_FAST":
                self.put(self.local(argument), self.object(self.pop()))
            case "DELETE_FAST":
                self.put(self.local(argument), "0")
            case "LOAD_ATTR" | "GET_ITER" | "UNARY_OP":
                self.pops(1)
                self.push("object")
            case "LOAD_METHOD":
                self.pops(1)
                mark = self.chance.random()
                self.push(("method", mark), ("self", mark))
            case "LOAD_SUBSCR" | "BINARY_OP" | "IMPORT_NAME":
                self.pops(2)
                self.push("object")
            case "STORE_NAME":
                self.pops(1)
            case "STORE_ATTR":
                self.pops(2)
            case "STORE_SUBSCR":
                self.pops(3)
            case "IMPORT_FROM":
                self.object(self.get(self.sp))
                self.push("object")
            case "DUP_TOP":
                self.push(self.get(self.sp))
            case "DUP_TOP_TWO":
                self.push(self.get(self.sp - 1), self.get(self.sp))
            case "POP_TOP":
                self.pop()
            case "ROT_TWO":
                a, b = self.pop(), self.pop()
                self.push(a, b)
            case "ROT_THREE":
                a, b, c = self.pop(), self.pop(), self.pop()
                self.push(a, c, b)
            case "JUMP":
                return after + number
            case "POP_JUMP_IF_TRUE" | "POP_JUMP_IF_FALSE":
                self.pops(1)
                return self.chance.choice((after, after + number))
            case "JUMP_IF_TRUE_OR_POP" | "JUMP_IF_FALSE_OR_POP":
                self.object(self.get(self.sp))
                if self.chance.random() < 0.5:
                    return after + number
                self.pop()
            case "SETUP_EXCEPT" | "SETUP_FINALLY":
                self.handlers.append((after + number, self.sp, name == "SETUP_FINALLY"))
                if len(self.handlers) > self.bytecode.prelude.exceptions:
                    raise Broken("sets up too many handlers")
            case "POP_EXCEPT_JUMP":
                self.leave(1)
                return after + number
            case "UNWIND_JUMP":
                self.push("address", "count")
                self.sp -= 2
                self.leave((extra or 0) & 0x7F)
                if (extra or 0) & 0x80:
                    self.sp -= 4
                return after - 1 + number
            case "END_FINALLY":
                self.leave(1, own=True)
                if self.get(self.sp) == "exception":
                    return self.caught(at)
                if self.pop() != "None":
                    raise Broken("ends with something")
            case "GET_ITER_STACK":
                self.pops(1)
                mark = self.chance.random()
                self.push(*(("iterator", n, mark) for n in range(4)))
            case "FOR_ITER":
                words = [self.get(self.sp - 3 + n) for n in range(4)]
                if words != [("iterator", n, words[0][-1]) for n in range(4)]:
                    raise Broken("goes on with no iterator")
                if self.chance.random() < 0.3:
                    self.sp -= 4
                    return after + number
                self.push("object")
            case "BUILD_TUPLE" | "BUILD_LIST":
                self.pops(number)
                self.push(("tuple", number) if name == "BUILD_TUPLE" else "list")
            case "STORE_COMP":
                if number & 3 or self.get(self.sp - (number >> 2)) != "list":
                    raise Broken("appends to no list")
                self.pops(1)
            case "UNPACK_SEQUENCE":
                self.pops(1)
                self.push(*["object"] * number)
            case "MAKE_FUNCTION" | "MAKE_FUNCTION_DEFARGS":
                self.make(argument, name.endswith("DEFARGS"), 0)
            case "MAKE_CLOSURE" | "MAKE_CLOSURE_DEFARGS":
                self.make(argument, name.endswith("DEFARGS"), extra or 0)
            case "CALL_FUNCTION":
                self.call(number, 1)
            case "CALL_METHOD":
                self.call(number, 2)
            case "RETURN_VALUE":
                self.pops(1)
                self.leave(len(self.handlers))
                return None
            case "RAISE_OBJ":
                self.pops(1)
                return self.caught(at)
            case _:
                raise Broken(f"does {name}")
        return after

    def leave(self, count: int, own: bool = False) -> None:
        for _ in range(count):
            if not self.handlers:
                raise Broken("leaves a handler that was not set up")
            if self.handlers.pop()[2] and not own:
                raise Broken("jumps out of a finally")


@pytest.fixture(scope="module")
def verified(unwired) -> Verifier:
    return verify_image(unwired)


def judged(tool: Any, bytecode: Bytecode, data: bytes, chance: random.Random) -> str | None:
    try:
        for _ in range(RUNS):
            Judge(tool, bytecode, data, chance).run()
    except Broken as problem:
        return str(problem)
    return None


def test_what_the_compiler_made_passes_the_judge(verified) -> None:
    tool, chance = mpy_tool(), random.Random(1)
    assert len(verified.bytecodes) > 100
    for bytecode in verified.bytecodes:
        assert judged(tool, bytecode, bytecode.bytes, chance) is None


@pytest.mark.timeout(3600)
def test_every_mutant_is_refused_or_harmless(verified, long) -> None:
    tool, chance = mpy_tool(), random.Random(20261127)
    count = ALL if long else SAMPLE
    refused, broken = 0, []
    for _ in range(count):
        bytecode = chance.choice(verified.bytecodes)
        data = bytearray(bytecode.bytes)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        try:
            Bytecode(bytes(data), bytecode.start, bytecode.around, bytecode.prelude).verify()
        except Refused:
            refused += 1
            continue
        problem = judged(tool, bytecode, bytes(data), chance)
        if problem is not None:
            broken.append(problem)
    assert broken == []
    assert count > refused > count // 3
    if long:
        record("bytecode", bytecode_mutants=count, bytecode_mutants_refused=refused)


WITHOUT = {
    "object": lambda self, at, kind: None,
    "qstr": lambda self, at: None,
}


@pytest.mark.parametrize("check", WITHOUT)
def test_the_judge_misses_a_check_that_is_taken_out(verified, check, monkeypatch) -> None:
    monkeypatch.setattr(Bytecode, check, WITHOUT[check])
    tool, chance = mpy_tool(), random.Random(2)
    for _ in range(3000):
        bytecode = chance.choice(verified.bytecodes)
        data = bytearray(bytecode.bytes)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        try:
            Bytecode(bytes(data), bytecode.start, bytecode.around, bytecode.prelude).verify()
        except Refused:
            continue
        if judged(tool, bytecode, bytes(data), chance) is not None:
            return
    pytest.fail("nothing was seen")
