"""The second verifier: it reads the finished kernel, and believes no compiler.

The build runs it on each kernel, `python -m adder.verify_image KERNEL.elf`, as it is before it is wired. It follows the
frozen modules as the interpreter will, from kernel_frozen_mpy_content on, and verifies all that Python functions of the
kernel consist of: their heads and tables, machine code (machine.py) and bytecode (bytecode.py). docs/capsule-python.md
says what is refused, why that suffices, and what remains trusted.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from adder.errors import AdderError
from adder.verify_image import kinds
from adder.verify_image.bytecode import Bytecode
from adder.verify_image.decode import Refused, decode
from adder.verify_image.image import BYTECODE, NATIVE, WORDS, Function, Image, Module
from adder.verify_image.machine import Machine, Surroundings
from adder.verify_image.prelude import Prelude, read_prelude

LONGEST_FUNCTION = 4096
"""Bytes of machine code. Farther than that, MicroPython 1.25 encodes conditional branches wrongly."""


@dataclass(frozen=True)
class Code:
    """The machine code of one function, with what it finds around it."""

    name: str
    start: int
    bytes: bytes
    around: Surroundings

    def verify(self) -> dict[int, int]:
        """Raises Refused; returns how many cells it hands to each function within."""
        machine = Machine(self.around, decode(self.bytes, self.start), self.start)
        machine.verify()
        return machine.demands


class Verifier:
    """Verifies the kernel's modules, one function after the other."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.seen: set[int] = set()
        self.codes: list[Code] = []
        self.bytecodes: list[Bytecode] = []

    def verify(self) -> None:
        """Raises AdderError, with one sentence."""
        for module in self.image.modules():
            self.function(module, module.body, 0, body=True)
        self.nothing_else()

    def function(self, module: Module, address: int, closed: int, *, body: bool = False) -> None:
        """A function that is handed so many cells, and all that lie within it."""
        function = self.image.function(address)
        try:
            if function.data in self.seen:
                raise AdderError("it is the code of two functions.")
            self.seen.add(function.data)
            children, demands = self.code(module, function, closed, body)
        except (Refused, AdderError) as error:
            name = function.name.removeprefix(re.sub(r"\W", "_", module.file.removesuffix(".py")) + "_")
            raise AdderError(f"{module.file}: what '{name}' was compiled to is refused: {error}") from error
        for index, inner in enumerate(children):
            self.function(module, inner, demands.get(index, 0))

    def code(self, module: Module, function: Function, closed: int, body: bool) -> tuple[list[int], dict[int, int]]:
        children, prelude, start, end = self.parts(module, function)
        inner = tuple(self.defaults(module, child) for child in children)
        around = Surroundings(module.qstrs, module.objects, inner, prelude, closed, body)
        if function.kind == BYTECODE:
            assert prelude is not None
            bytecode = Bytecode(self.image.bytes(start, end - start), start, around, prelude)
            self.bytecodes.append(bytecode)
            bytecode.verify()
            return children, bytecode.demands
        if end - start > LONGEST_FUNCTION:
            raise AdderError(f"it has {end - start} bytes, {LONGEST_FUNCTION} are allowed: split the function.")
        code = Code(function.name, start, self.image.bytes(start, end - start), around)
        self.codes.append(code)
        return children, code.verify()

    def parts(self, module: Module, function: Function) -> tuple[list[int], Prelude | None, int, int]:
        """The functions within, the head, and where the code begins and ends."""
        start, end = function.data, function.data + function.size
        children = self.image.words(function.children, function.table)
        if function.kind == WORDS:
            return children, None, start, end
        if function.kind == BYTECODE:
            prelude = read_prelude(self.image.bytes(start, function.size), len(module.qstrs))
            return children, prelude, start + prelude.length, end
        # mp_obj_fun_native_get_prelude_ptr (py/objfun.h)
        index = self.image.word(start)
        if index != max(function.table - 1, 0):
            raise AdderError("its head is not the last entry of its table of functions.")
        head = children.pop() if function.table else function.children
        if not start + 4 < head < end:
            raise AdderError("its head lies outside.")
        prelude = read_prelude(self.image.bytes(head, end - head), len(module.qstrs))
        if head + prelude.length != end:
            raise AdderError("its head does not end where it does.")
        return children, prelude, start + 4, head

    def defaults(self, module: Module, address: int) -> int:
        prelude = self.parts(module, self.image.function(address))[1]
        return prelude.defaults if prelude else 0

    def nothing_else(self) -> None:
        """The parts of flash that are taken for capsules' machine code hold no other code."""
        for part in ("_frozen_code", "_wiring_code"):
            self.nothing_else_from(*(self.image.symbols[f"{part}_{name}"] for name in ("start", "end")))

    def nothing_else_from(self, at: int, end: int) -> None:
        for start in sorted(data for data in self.seen if at <= data < end):
            if start - at > 3:
                raise AdderError(f"0x{at:08x}: before the code of a frozen function lies what belongs to none.")
            at = start + self.image.sizes[start]
        if end - at > 3:
            raise AdderError(f"0x{at:08x}: behind the code of the frozen functions lies what belongs to none.")


def verify_image(path: Path) -> Verifier:
    """Verify a kernel; raises AdderError."""
    image = Image(path)
    runtime = image.symbols["mp_fun_table"]
    if tuple(image.words(runtime, 3)) != tuple(kind.number for kind in kinds.IMMEDIATE):
        raise AdderError("The runtime's table does not begin with None, False and True.")
    verifier = Verifier(image)
    verifier.verify()
    return verifier


__all__ = ["BYTECODE", "NATIVE", "WORDS", "Code", "Verifier", "verify_image"]
