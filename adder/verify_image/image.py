"""Reads a finished kernel: its memory, and the tree of frozen modules and functions as the interpreter will find it."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from adder.errors import AdderError
from adder.verify_image.kinds import NAME, OBJECT, RUNTIME, Kind, is_object, value

BYTECODE, NATIVE, WORDS = 2, 3, 4
"""mp_raw_code_kind_t (py/emitglue.h): MP_CODE_BYTECODE, MP_CODE_NATIVE_PY, MP_CODE_NATIVE_VIPER."""

RAW_CODE_BYTES = 12  # mp_raw_code_t: two zeros, kind, is_generator, fun_data, children
KERNELS = ".kernel/"  # the folder of the frozen file system that only the kernel imports from


def is_utf8(text: bytes) -> bool:
    """Whether it is text as C expects it: C goes from one character to the next by its first byte."""
    try:
        return text.decode() is not None
    except UnicodeDecodeError:
        return False


@dataclass(frozen=True)
class Module:
    """A frozen module: its tables, and the function that is its body."""

    file: str
    qstrs: tuple[str, ...]
    objects: tuple[Kind, ...]
    body: int  # address of its mp_raw_code_t, or of bytecode


@dataclass(frozen=True)
class Function:
    """A function as the interpreter makes it: machine code or bytecode, and what lies within."""

    name: str
    kind: int
    data: int  # address of the code
    size: int
    children: int  # address of the table of functions within; of machine code with only a prelude, of that
    table: int  # entries of that table, 0 if there is none


class Image:
    """Memory and symbols of a kernel. What is not as it must be raises AdderError."""

    def __init__(self, path: Path) -> None:
        self.sizes: dict[int, int] = {}
        self.names: dict[int, str] = {}
        self.symbols: dict[str, int] = {}
        with path.open("rb") as file:
            elf = ELFFile(file)
            # What lies in RAM is loaded from elsewhere: nothing of that is a constant.
            self.parts = [
                (part["p_vaddr"], bytearray(part.data()))
                for part in elf.iter_segments()
                if part["p_type"] == "PT_LOAD" and part["p_vaddr"] == part["p_paddr"]
            ]
            for section in elf.iter_sections():
                if isinstance(section, SymbolTableSection):
                    for symbol in section.iter_symbols():
                        address, size = symbol["st_value"], symbol["st_size"]
                        self.symbols[symbol.name] = address
                        if symbol["st_info"]["type"] == "STT_OBJECT" and size >= self.sizes.get(address, 1):
                            self.sizes[address] = size
                            self.names[address] = symbol.name

    def bytes(self, address: int, count: int) -> bytes:
        if count == 0:
            return b""  # an empty table has no address, and not every image holds 0
        for start, data in self.parts:
            if start <= address and address + count <= start + len(data):
                return bytes(data[address - start : address - start + count])
        raise AdderError(f"0x{address:08x}: {count} bytes are not in the image.")

    def word(self, address: int) -> int:
        return int.from_bytes(self.bytes(address, 4), "little")

    def words(self, address: int, count: int) -> list[int]:
        data = self.bytes(address, 4 * count)
        return [int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)]

    def size_at(self, address: int, what: str) -> int:
        """The size of the constant that begins at this address, in flash."""
        if address not in self.sizes:
            raise AdderError(f"0x{address:08x}: {what} begins here, but no constant of the image does.")
        return self.sizes[address]

    def text(self, address: int) -> str:
        data = b""
        while not data.endswith(b"\0"):
            data += self.bytes(address + len(data), 1)
        return data[:-1].decode()

    # -- The tree of modules and functions ------------------------------------

    def modules(self) -> Iterator[Module]:
        """The kernel's frozen modules; those of processes run with a process's rights."""
        name, content = self.symbols["kernel_frozen_names"], self.symbols["kernel_frozen_mpy_content"]
        while file := self.text(name):
            qstrs, objects, body = self.words(self.word(content), 3)
            yield Module(file.removeprefix(KERNELS), self.qstrs(qstrs), self.objects(objects), body)
            name, content = name + len(file) + 1, content + 4

    def qstrs(self, table: int) -> tuple[str, ...]:
        """A module's table of qstrs, all of which exist; a module without any has no table."""
        count = self.size_at(table, "a table of qstrs") // 2 if table else 0
        numbers = (int.from_bytes(self.bytes(table + 2 * n, 2), "little") for n in range(count))
        return tuple(map(self.qstr, numbers))

    def qstr(self, number: int) -> str:
        if number >= len(self.texts):
            raise AdderError(f"There is no qstr {number}, which a module's table names.")
        return self.texts[number]

    @functools.cached_property
    def texts(self) -> list[str]:
        """All qstrs. Each pool says how many come before it: qstr_pool_t (py/qstr.h)."""
        texts: list[str] = []
        pools = []
        pool = self.symbols["mp_qstr_frozen_const_pool"]
        while pool:
            pools.append(pool)
            pool = self.word(pool)
        for pool in reversed(pools):
            _, before, _, length = self.words(pool, 4)  # prev; total_prev_len, with a flag on top; alloc; len
            if before & 0x7FFFFFFF != len(texts):
                raise AdderError(
                    "The pools of qstrs do not follow each other: the image was linked of old and new parts."
                )
            texts += map(self.text, self.words(pool + self.size_at(pool, "a pool of qstrs") - 4 * length, length))
        return texts

    def objects(self, table: int) -> tuple[Kind, ...]:
        """What a module's table of objects holds."""
        words = self.words(table, self.size_at(table, "a table of objects") // 4) if table else []
        return tuple(map(self.constant, words))

    def constant(self, word: int) -> Kind:
        """What an entry of a module's table of objects is."""
        if word & 3 == 0:
            if word == self.symbols["mp_fun_table"]:
                return RUNTIME
            self.check_object(word)
            return OBJECT
        if word & 7 == 2:
            self.qstr(word >> 3)
            return NAME
        if is_object(value(word)):
            return value(word)
        raise AdderError(f"0x{word:08x}, in a table of objects, is not an object.")

    def check_object(self, address: int) -> None:
        """A constant object: text, bytes, a number, or a tuple of such."""
        size = self.size_at(address, "a constant object")
        kind = self.word(address)
        if kind in (self.symbols["mp_type_str"], self.symbols["mp_type_bytes"]) and size == 16:
            _, _, length, data = self.words(address, 4)
            *text, end = self.bytes(data, length + 1)
            if end == 0 and (kind == self.symbols["mp_type_bytes"] or is_utf8(bytes(text))):
                return
        elif kind == self.symbols["mp_type_int"] and size == 16:
            _, head, length, digits = self.words(address, 4)  # mpz_t: neg, fixed_dig, alloc; len; dig (py/mpz.h)
            if head & 2 and length <= head >> 2 and 2 * (head >> 2) == self.size_at(digits, "a number's digits"):
                return
        elif kind == self.symbols["mp_type_tuple"] and size >= 8:
            _, length, *items = self.words(address, size // 4)
            if length == len(items):
                for item in items:
                    if self.constant(item) == RUNTIME:
                        break
                else:
                    return
        raise AdderError(f"0x{address:08x}, in a table of objects, is not an object of a known type.")

    def function(self, address: int) -> Function:
        """What the interpreter makes of a function that a table names."""
        if self.bytes(address, 2) != b"\0\0":
            return Function(self.names.get(address, "?"), BYTECODE, address, self.size_at(address, "bytecode"), 0, 0)
        if self.size_at(address, "a function") != RAW_CODE_BYTES:
            raise AdderError(f"0x{address:08x}: a function begins here, but what is here has another size.")
        _, _, kind, generator = self.bytes(address, 4)
        data, children = self.words(address + 4, 2)
        size = self.size_at(data, "a function's code")
        if kind not in (BYTECODE, NATIVE, WORDS) or generator:
            raise AdderError(f"0x{address:08x}: a function of a kind that Capsule Python does not have.")
        inside = data <= children < data + size
        table = self.size_at(children, "a table of functions") // 4 if children and not inside else 0
        return Function(self.names[data].removeprefix("fun_data_"), kind, data, size, children, table)
