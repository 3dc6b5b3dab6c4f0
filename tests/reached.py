"""The C functions that Capsule Python can reach in a kernel, read from the image's own tables.

Objects of Python are reached through types (their slots and methods), modules (their functions), the built-in names
that the verifier lets pass, and the table through which machine code calls the runtime.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from adder.symbols import Symbols
from adder.verify.whitelist import EXCEPTIONS

SLOTS = (
    "make_new", "print", "call", "unary_op", "binary_op", "attr", "subscr", "iter", "buffer", "protocol", "parent",
    "locals_dict",
)  # fmt: skip
"""py/obj.h: the order of mp_obj_type_t's slots."""

MODULES = {"kernel": "kernel_globals_table", "cells": "cells_globals_table"}

FOR_WIRING = {"mint": "mint_globals_table"}
"""What a kernel that the build has wired lacks."""

CUSTOM = 1 << 7 | 1 << 8
"""py/obj.h: MP_TYPE_FLAG_ITER_IS_CUSTOM; the slot is a pair of functions."""

ITERATES = 1 << 8
"""The slot is the function for the next element; without both flags, the one that makes an iterator."""


class Reached(NamedTuple):
    """One function: where it stands in the list, and its name in C."""

    group: str
    owner: str
    name: str
    c: str


class Image:
    """The parts of an ELF file that hold the tables."""

    def __init__(self, path: Path) -> None:
        from elftools.elf.elffile import ELFFile

        self.symbols = Symbols.read(path)
        with path.open("rb") as file:
            loaded = [s for s in ELFFile(file).iter_segments() if s["p_type"] == "PT_LOAD" and s["p_filesz"]]
            self._parts = [(s["p_paddr"], s.data()) for s in loaded] + [(s["p_vaddr"], s.data()) for s in loaded]
        self._names = {symbol.address: symbol.name for symbol in self.symbols if symbol.size}
        self._pools = list(self._qstr_pools())

    def bytes(self, address: int, size: int) -> bytes:
        for start, data in self._parts:
            if start <= address and address + size <= start + len(data):
                return data[address - start : address - start + size]
        raise KeyError(hex(address))

    def word(self, address: int) -> int:
        return int(struct.unpack("<I", self.bytes(address, 4))[0])

    def name_at(self, address: int) -> str:
        """The symbol at just this address; of functions bit 0 says Thumb."""
        name = self._names.get(address) or self._names.get(address & ~1) or hex(address)
        return name.removeprefix("__wrap_")  # port/Makefile: who calls NAME gets this

    def _qstr_pools(self) -> Iterator[tuple[int, int, int]]:
        """The first number of each pool, how many it has, and where its texts are: the newest first."""
        at = self.symbols["mp_qstr_frozen_const_pool"].address
        while at:
            before, first, _, count = struct.unpack("<4I", self.bytes(at, 16))
            yield first & 0x7FFFFFFF, count, at + 24
            at = before

    def qstr(self, number: int) -> str:
        for first, count, texts in self._pools:
            if first <= number < first + count:
                start = end = self.word(texts + 4 * (number - first))
                while self.bytes(end, 1) != b"\0":
                    end += 1
                return self.bytes(start, end - start).decode()
        raise KeyError(number)

    def table(self, address: int, count: int) -> Iterator[tuple[str, int]]:
        """A table of names and objects."""
        for at in range(address, address + 8 * count, 8):
            key, value = struct.unpack("<2I", self.bytes(at, 8))
            yield self.qstr(key >> 3), value

    def types(self) -> Iterator[tuple[str, int]]:
        """All types, by the name of their symbol."""
        kind = self.symbols["mp_type_type"].address
        for symbol in self.symbols:
            if symbol.size >= 20 and symbol.address % 4 == 0:
                try:
                    words = self.bytes(symbol.address, symbol.size)
                except KeyError:
                    continue
                if struct.unpack_from("<I", words)[0] == kind and symbol.size == 20 + 4 * max(words[8:20]):
                    yield symbol.name, symbol.address

    def slots(self, address: int) -> Iterator[tuple[str, int]]:
        """The slots of a type that are filled."""
        for name, index in zip(SLOTS, self.bytes(address + 8, 12), strict=True):
            if index:
                yield name, self.word(address + 16 + 4 * index)

    def function(self, value: int) -> str | None:
        """The C function behind an object of the tables; None if it is none that can be called."""
        if value & 3:
            return None
        kind = self.name_at(self.word(value))
        if kind in ("mp_type_fun_builtin_0", "mp_type_fun_builtin_1", "mp_type_fun_builtin_2", "mp_type_fun_builtin_3"):
            return self.name_at(self.word(value + 4))
        if kind == "mp_type_fun_builtin_var":
            return self.name_at(self.word(value + 8))
        return None

    def methods(self, address: int) -> Iterator[tuple[str, str]]:
        """The methods of a type."""
        for slot, value in self.slots(address):
            if slot == "locals_dict":
                used, table = self.word(value + 8), self.word(value + 12)
                for name, object_ in self.table(table, used):
                    if (c := self.function(object_)) is not None:
                        yield name, c


def short(symbol: str) -> str:
    """How the list calls a type: `str` for mp_type_str, `buffer` for buffer_type."""
    return symbol.removeprefix("mp_type_").removesuffix("_type")


def reached(path: Path) -> Iterator[Reached]:
    """All that an image has; which of it no expression can get hold of, the list says."""
    image = Image(path)
    for symbol, address in image.types():
        for slot, value in image.slots(address):
            if slot not in ("protocol", "parent", "locals_dict"):
                flags = struct.unpack("<H", image.bytes(address + 4, 2))[0]
                if slot == "iter" and flags & CUSTOM == CUSTOM:
                    yield Reached("slots", short(symbol), "iter", image.name_at(image.word(value)))
                    yield Reached("slots", short(symbol), "iternext", image.name_at(image.word(value + 4)))
                else:
                    yield Reached("slots", short(symbol), slot, image.name_at(value))
        for name, c in image.methods(address):
            yield Reached("methods", short(symbol), name, c)
    wired = image.word(image.symbols["_wired"].address) != 0
    for module, table in (MODULES if wired else MODULES | FOR_WIRING).items():
        found = image.symbols[table]
        for name, value in image.table(found.address, found.size // 8):
            if (called := image.function(value)) is not None:
                yield Reached("functions", module, name, called)
    builtins = image.symbols["mp_module_builtins_globals_table"]
    for name, value in image.table(builtins.address, builtins.size // 8):
        if (called := image.function(value)) is not None:
            yield Reached("builtins", "builtins", name, called)
    runtime = image.symbols["mp_fun_table"]
    for at in range(runtime.address, runtime.address + runtime.size, 4):
        value = image.word(at)
        if value & 1:
            yield Reached("runtime", "runtime", image.name_at(value), image.name_at(value))


__all__ = ["EXCEPTIONS", "Image", "Reached", "reached", "short"]
