"""An independent reader of the wired part: each address in it is that of an object of the right kind, and nothing else.

It shares no code with what wires, and knows neither the heap nor the runs: it begins with the variables of the
finished image, follows each reference, and knows from each object's type how long it is and what its words are. Then no
object may overlap another, none may reach out of its part, and no word between them may be an address of the kernel's.
Powers are compared with the board's manifest: a register window, a field, an interrupt line, a range of the flash.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

from adder.build.manifest import protected_of
from adder.errors import AdderError
from adder.verify_image.image import Image

MAGIC = 0x64726977
ZEROS = 0x80000000
SOFTWARE_LINES = range(64, 96)  # firmware/core/interrupt.h

FUNCTIONS = ("mp_type_fun_bc", "mp_type_fun_native", "mp_type_fun_viper")

# Of each type: its words behind the type. o: an object, or none; r: an address in the image, or 0; -: plain.
SHAPES = {
    "mp_type_module": "orr",
    "mp_type_bound_meth": "oo",
    "callback_type": "oo",
    "mp_type_cell": "o",
    "registers_type": "r",
    "register_field_type": "---",
    "field_operation_type": "o-",
    "interrupt_line_type": "-",
    "flash_range_type": "--",
    "grant_type": "-",
    "layout_type": "---r",
    "shared_type": "o-",
    "deferred_type": "oo-",
    "take_cell_type": "o",
    "buffer_type": "sooo-",
} | dict.fromkeys(FUNCTIONS, "orr")

CHANGING = {"mp_type_cell", "mp_type_list", "deferred_type", "take_cell_type", "buffer_type", "items", "storage"}


@dataclass(frozen=True)
class Part:
    """A range that holds objects, and who has made each 16 bytes of it."""

    start: int
    end: int
    owners: int

    def __contains__(self, address: int) -> bool:
        return self.start <= address < self.end


@dataclass
class Thing:
    """An object, or what belongs to one."""

    address: int
    size: int
    kind: str
    refers: list[int] = field(default_factory=list)


class Wired:
    """The wired part of a finished image. What is not as it must be raises AdderError."""

    def __init__(self, path: Path, manifest: dict[str, Any], part: tuple[bytes, int] | None = None) -> None:
        """`part` is what a kernel that wires itself would have, and the bytes of RAM for it."""
        self.image = image = Image(path)
        if part is not None:
            start, symbols = image.symbols["_wired"], image.symbols
            image.parts.insert(0, (start, bytearray(part[0])))
            symbols["_wired_end"] = start + len(part[0])
            symbols["_heap_start"] = symbols["_wired_ram"] + part[1]
        self.manifest = manifest
        self.symbols = image.symbols
        with path.open("rb") as file:
            section = ELFFile(file).get_section_by_name(".wire_facts")
            facts = struct.iter_unpack("<40sI", section.data() if section else b"")
            self.facts: dict[str, int] = {name.rstrip(b"\0").decode(): value for name, value in facts}
        magic, *header = image.words(self.symbols["_wired"], 11)
        if magic != MAGIC:
            raise AdderError(f"{path} is not wired: it was built without CONFIG_WIRED.")
        self.pieces, self.pieces_end, self.writes, self.writes_end = header[:4]
        self.flash, self.changing = Part(*header[4:7]), Part(*header[7:10])
        self.ram = dict(self._ram())
        self.things: dict[int, Thing] = {}
        self._waiting: list[Thing] = []
        self._check_parts()
        self._find_all()
        self.things = dict(sorted(self.things.items()))
        self._check_gaps()
        self._check_writes()

    # -- Memory ----------------------------------------------------------------------------------

    def _ram(self) -> Iterator[tuple[int, int]]:
        """The words of RAM after the pieces have been copied."""
        at = self.pieces
        while at < self.pieces_end:
            address, count = self.image.words(at, 2)
            words = [0] * (count & ~ZEROS) if count & ZEROS else self.image.words(at + 8, count)
            at += 8 if count & ZEROS else 8 + 4 * count
            yield from zip(range(address, address + 4 * len(words), 4), words, strict=True)

    def word(self, address: int) -> int:
        return self.ram[address] if address in self.ram else self.image.word(address)

    def byte(self, address: int) -> int:
        return self.word(address & ~3) >> 8 * (address & 3) & 0xFF

    def _check_parts(self) -> None:
        symbols = self.symbols
        inside = symbols["_wired"] <= self.flash.start <= self.flash.end <= self.flash.owners
        if not inside or not self.flash.owners <= self.changing.owners <= self.pieces <= self.pieces_end:
            raise AdderError("The wired part is not in order: header, objects, owners, pieces of RAM, writes.")
        if self.writes_end != symbols["_wired_end"] or self.pieces_end != self.writes:
            raise AdderError("The wired part does not end where it says.")
        if (self.changing.start, self.changing.end) != (symbols["_wired_ram"], symbols["_heap_start"]):
            raise AdderError("What changes does not lie between the kernel's variables and its heap.")
        filled = set(range(symbols["_bss_start"], symbols["_bss_end"], 4))
        filled |= set(range(self.changing.start, self.changing.end, 4))
        if set(self.ram) != filled:
            raise AdderError("The pieces of RAM are not the kernel's variables and the objects that change.")

    # -- From reference to reference ---------------------------------------------------------------

    def _state(self, member: str) -> int:
        return int(self.symbols["kernel_python_state"]) + self.facts[member]

    def _find_all(self) -> None:
        """What can be reached from the kernel's variables, of which nothing is known but their words.

        A number may look like an object: it may be the address of a word that names a type, in a table for instance. So
        what leads nowhere is a number if it lies within a thing that others lead to; else the image is wrong.
        """
        numbers: dict[int, AdderError] = {}
        while more := self._from_variables(numbers):
            numbers |= more
        for word, error in numbers.items():
            if not self._is_within(word):
                raise error

    def _from_variables(self, numbers: dict[int, AdderError]) -> dict[int, AdderError]:
        """Begin anew, without these; words that are numbers besides, and have led somewhere all the same."""
        self.things, self._waiting = {}, []
        kinds = {
            self._state("vm.last_pool"): "pool",
            self._state("vm.mp_sys_argv_obj.items"): "items",
            self.symbols["storages"]: "storage",
        }
        names = self._state("vm.dict_main") + 4
        maybe = {}
        for address, word in self.ram.items():
            if address in self.changing or not (word in self.flash or word in self.changing):
                continue
            if address == names + 8:
                self._table(names, "a variable")
            elif address in kinds:
                self._reach(word, kinds[address], f"the variable at 0x{address:08x}")
            elif word % 4 == 0 and word not in numbers and self._is_object(word):
                maybe[word] = f"the variable at 0x{address:08x}"
        self._follow_all()
        for word, by in list(maybe.items()):
            known = len(self.things)
            try:
                self._reach(word, "object", by)
                self._follow_all()
            except (AdderError, LookupError) as error:
                numbers[word] = AdderError(f"{error}")
                del maybe[word]
                self._waiting.clear()
                while len(self.things) > known:
                    self.things.popitem()
        within = [word for word in maybe if self._is_within(word)]
        return {word: AdderError(f"0x{word:08x}, in {maybe[word]}, leads into a thing.") for word in within}

    def _follow_all(self) -> None:
        while self._waiting:
            self._follow(self._waiting.pop())

    def _is_within(self, address: int) -> bool:
        """Whether a thing begins before it and ends behind it."""
        return any(thing.address < address < thing.address + thing.size for thing in self.things.values())

    def _reach(self, address: int, kind: str, by: str, size: int = 0) -> int:
        """There is an object of this kind; what it is called from now on."""
        if address % 4 or not (address in self.flash or address in self.changing):
            raise AdderError(f"0x{address:08x}, in {by}, is the address of no object.")
        name = self._type(address, by) if kind == "object" else kind
        known = self.things.get(address)
        if known is None:
            thing = Thing(address, size, name)
            self.things[address] = thing
            changes = address in self.changing
            if name in CHANGING and not changes:
                raise AdderError(f"The {name} at 0x{address:08x} changes, and lies in flash.")
            self._waiting.append(thing)
        elif known.kind != name or (size and known.size != size):
            raise AdderError(f"0x{address:08x} is a {known.kind} for some, and a {name} for {by}.")
        return address

    def _type(self, address: int, by: str) -> str:
        type_ = self.word(address)
        if type_ in self.flash:
            self._reach(type_, "object", by)
            if self.things[type_].kind != "mp_type_type":
                raise AdderError(f"The object at 0x{address:08x}, in {by}, has a type that is not a class.")
            return "instance"
        name = self._constant(type_)
        if name.startswith("mp_type_") or name.endswith("_type"):
            return name
        raise AdderError(f"What is at 0x{address:08x}, in {by}, is not an object.")

    def _is_object(self, address: int) -> bool:
        """Whether what is there begins with a type."""
        type_ = self.word(address)
        if type_ in self.flash:
            return type_ % 4 == 0 and self._constant(self.word(type_)) == "mp_type_type"
        name = self._constant(type_)
        return name.startswith("mp_type_") or name.endswith("_type")

    def _constant(self, address: int) -> str:
        """The name of the constant of the image that begins there."""
        return self.image.names.get(address, "") if address in self.image.sizes else ""

    def _object(self, word: int, by: str, thing: Thing) -> None:
        """A word that is an object: a number, a name, one of the wired part, or a constant of the image."""
        if word & 1 or word & 7 in (2, 6) or word == 0:
            if word & 7 == 2:
                self.qstr(word >> 3)
            return
        if word in self.flash or word in self.changing:
            thing.refers.append(self._reach(word, "object", by))
            return
        type_ = self._constant(self.image.word(word)) if self._constant(word) else ""
        if not (type_.startswith("mp_type_") or type_.endswith("_type")):
            raise AdderError(f"0x{word:08x}, in {by}, is not an object.")
        thing.refers.append(word)

    def _table(self, map_: int, by: str) -> int:
        """A dictionary's table, or that of an instance."""
        _, alloc, table = (self.word(map_ + 4 * i) for i in range(3))
        if alloc and (table in self.flash or table in self.changing):
            self._reach(table, "table", by, 8 * alloc)
            return table
        return 0

    def _attributes(self, map_: int, by: str) -> int:
        """An instance's table, whose keys are names."""
        table = self._table(map_, by)
        for at in range(table, table + 8 * self.word(map_ + 4) if table else 0, 8):
            key = self.word(at)
            if key and key & 7 != 2:
                raise AdderError(f"0x{key:08x}, in {by}, is not the name of an attribute.")
        return table

    def _follow(self, thing: Thing) -> None:
        at, kind = thing.address, thing.kind
        by = f"the {kind} at 0x{at:08x}"
        word = [self.word(at + 4 * i) for i in range(7) if at + 4 * i in self.flash or at + 4 * i in self.changing]
        if kind in SHAPES:
            self._shape(thing, SHAPES[kind], word, by)
            if kind in FUNCTIONS:
                self._function(thing, word, by)
            elif kind in CHECKS:
                CHECKS[kind](self, word, by)
        elif kind == "mp_type_dict":
            thing.size = 16
            thing.refers += filter(None, [self._table(at + 4, by)])
            if not word[1] & 2 and at in self.flash:
                raise AdderError(f"{by} lies in flash, but is not sealed.")
        elif kind == "instance":
            thing.size = 16
            thing.refers += filter(None, [word[0], self._attributes(at + 4, by)])
        elif kind == "table":
            for i in range(0, thing.size, 4):
                self._object(self.word(at + i), by, thing)
        elif kind == "mp_type_type":
            slots = max(self.byte(at + i) for i in range(8, 20))
            thing.size = 20 + 4 * slots
            for i in range(slots):
                slot = self.word(at + 20 + 4 * i)
                if slot in self.flash:
                    thing.refers.append(self._reach(slot, "object", by))
        elif kind in ("mp_type_tuple", "mp_type_closure"):
            skip = 2 if kind == "mp_type_tuple" else 3
            thing.size = 4 * (skip + word[skip - 1])
            if skip == 3:
                self._object(word[1], by, thing)
            for i in range(4 * skip, thing.size, 4):
                self._object(self.word(at + i), by, thing)
        elif kind == "mp_type_list":
            thing.size = 16
            thing.refers.append(self._reach(word[3], "items", by, 4 * word[1]))
        elif kind == "items":
            for i in range(0, thing.size, 4):
                self._object(self.word(at + i), by, thing)
        elif kind in ("mp_type_str", "mp_type_bytes", "mp_type_int"):
            thing.size = 16
            length = word[2] + 1 if kind != "mp_type_int" else 2 * (word[1] >> 2)
            if word[3] in self.flash:
                self._reach(word[3], "bytes", by, length)
        elif kind == "pool":
            self._names(thing, word)
        elif kind == "storage":
            thing.size = 20 + (word[4] & 0xFFFF)
            if word[0]:
                self._reach(word[0], "storage", by)
            for i in (1, 2, 3):
                self._object(word[i], by, thing)
        elif kind != "bytes":
            raise AdderError(f"{by[:1].upper()}{by[1:]} is of a type that is not known here.")

    def _shape(self, thing: Thing, shape: str, word: list[int], by: str) -> None:
        thing.size = 4 + 4 * len(shape)
        for i, letter in enumerate(shape, 1):
            if letter == "o":
                self._object(word[i], by, thing)
            elif letter == "s":
                thing.refers.append(self._reach(word[i], "storage", by))
            elif letter == "r" and word[i] and not self._in_image(word[i]):
                raise AdderError(f"0x{word[i]:08x}, in {by}, is nothing of the image.")

    def _in_image(self, address: int) -> bool:
        return any(start <= address < start + len(data) for start, data in self.image.parts)

    def _function(self, thing: Thing, word: list[int], by: str) -> None:
        """Its code begins where frozen code does; defaults follow, as objects."""
        code = word[3] & ~1
        if not self._constant(code).startswith("fun_data_"):
            raise AdderError(f"0x{code:08x}, in {by}, is not where a function of the frozen code begins.")

    def _names(self, thing: Thing, word: list[int]) -> None:
        """A pool of names, closed: prev, how many come before, alloc, len, lengths, and the texts."""
        if word[2] != word[3]:
            raise AdderError("The pool of names is not closed.")
        first = self.facts["qstrs"]
        thing.size = first + 4 * word[3]
        if word[0] in self.flash:
            self._reach(word[0], "pool", "a pool of names")
        for i in range(word[3]):
            text = self.word(thing.address + first + 4 * i)
            if text not in self.flash:
                raise AdderError(f"0x{text:08x}, in a pool of names, is not text.")
            self.things[text] = Thing(text, len(self.image.text(text).encode()) + 1, "text")

    # -- What is between, and what was written --------------------------------------------------------

    def _check_gaps(self) -> None:
        """No object overlaps the next; what follows a function are its defaults; what else is there is no address."""
        things = list(self.things.values())
        for thing, following in zip(things, [*things[1:], None], strict=True):
            part = self.flash if thing.address in self.flash else self.changing
            end = following.address if following is not None and following.address in part else part.end
            if thing.address + thing.size > end:
                raise AdderError(f"The {thing.kind} at 0x{thing.address:08x} reaches into what follows.")
            for address in range((thing.address + thing.size + 3) & ~3, end, 4):
                word = self.word(address)
                if thing.kind in FUNCTIONS and word:
                    self._object(word, f"the {thing.kind} at 0x{thing.address:08x}", thing)
                elif (word in self.flash or word in self.changing) and thing.kind != "pool":
                    raise AdderError(f"0x{word:08x}, at 0x{address:08x}, is an address where no object is.")

    def _check_writes(self) -> None:
        for at in range(self.writes, self.writes_end, 12):
            address, mask, value = self.image.words(at, 3)
            name, entry = self.peripheral_at(address)
            if value & ~mask:
                raise AdderError(f"A write at boot to 0x{address:08x} has bits that are not in its mask.")
            if address - entry["base"] in protected_of(entry) and (address, mask, value) not in self._taken_back(entry):
                raise AdderError(f"A write at boot goes to 0x{address:08x}, a protected register of '{name}'.")

    def _taken_back(self, entry: dict[str, Any]) -> list[tuple[int, int, int]]:
        """What C writes to a peripheral's DMA when its window is made: no length, or the address of nothing."""
        return [
            (entry["base"] + (dma["length"] if "length" in dma else dma["pointer"]), 0xFFFFFFFF, value)
            for dma in entry.get("dma", {}).values()
            for value in [0 if "length" in dma else self.symbols["nowhere"]]
        ]

    # -- Powers ----------------------------------------------------------------------------------

    def peripheral_at(self, address: int) -> tuple[str, dict[str, Any]]:
        """The peripheral of the manifest that has this register."""
        for name, entry in self.manifest["peripherals"].items():
            if entry["base"] <= address < entry["base"] + entry["size"]:
                return name, entry
        raise AdderError(f"0x{address:08x} is a register of no peripheral of the manifest.")

    def _check_field(self, word: list[int], by: str) -> None:
        _, address, mask, rest = word[:4]
        name, entry = self.peripheral_at(address)
        shift, writable = rest & 0xFF, rest >> 8 & 0xFF
        if address % 4 or shift > 31 or mask << shift > 0xFFFFFFFF:
            raise AdderError(f"{by[:1].upper()}{by[1:]} is not a field of a register of '{name}'.")
        if writable and address - entry["base"] in protected_of(entry):
            raise AdderError(f"{by[:1].upper()}{by[1:]} writes to a protected register of '{name}'.")

    def _check_line(self, word: list[int], by: str) -> None:
        lines = {line for entry in self.manifest["peripherals"].values() for line in entry.get("irq", {}).values()}
        if word[1] not in lines and word[1] not in SOFTWARE_LINES:
            raise AdderError(f"{by[:1].upper()}{by[1:]} is line {word[1]}, which the manifest does not name.")

    def _check_range(self, word: list[int], by: str) -> None:
        ranges = {(entry["start"], entry["size"]) for entry in self.manifest["memory"].values()}
        if (word[1], word[2]) not in ranges:
            raise AdderError(
                f"{by[:1].upper()}{by[1:]} is not a range of the manifest: 0x{word[1]:08x}, {word[2]} bytes."
            )

    def _check_registers(self, word: list[int], by: str) -> None:
        _, base, size = self.image.words(word[1], 3)
        if not any((p["base"], p["size"]) == (base, size) for p in self.manifest["peripherals"].values()):
            raise AdderError(f"{by[:1].upper()}{by[1:]} is a window that the manifest does not have.")

    # -- Names -------------------------------------------------------------------------------------

    def qstr(self, number: int) -> str:
        """The text of a name."""
        if number < len(self.image.texts):
            return self.image.texts[number]
        pool = self.word(self._state("vm.last_pool"))
        while number < self.word(pool + 4) & 0x7FFFFFFF:
            pool = self.word(pool)
        index = number - (self.word(pool + 4) & 0x7FFFFFFF)
        if index >= self.word(pool + 12):
            raise AdderError(f"There is no qstr {number}.")
        return self.image.text(self.word(pool + self.facts["qstrs"] + 4 * index))

    def capsule(self, number: int) -> str:
        """A capsule's name, as the board calls it."""
        at = self.symbols["capsules"] + number * self.facts["capsule"] + self.facts["capsule.name"]
        return self.qstr(self.word(at & ~3) >> 8 * (at & 3) & 0xFFFF) if number else "the board"

    def driver(self, index: int) -> int:
        """The number of a driver."""
        return self.word(self.symbols["drivers"] + index * self.facts["driver"] + self.facts["driver.number"])

    def owner(self, address: int) -> int:
        """The capsule that has made an object of the wired part; 0 is the board."""
        part = self.flash if address in self.flash else self.changing
        return self.image.bytes(part.owners + (address - part.start) // 16, 1)[0]


CHECKS = {
    "register_field_type": Wired._check_field,
    "interrupt_line_type": Wired._check_line,
    "flash_range_type": Wired._check_range,
    "registers_type": Wired._check_registers,
}


def check(path: Path, manifest: dict[str, Any]) -> Wired:
    """The wired part of a kernel, if all of it is as it must be."""
    try:
        return Wired(path, manifest)
    except (LookupError, RecursionError) as error:
        raise AdderError(f"{path}: what is wired leads nowhere: {error!r}.") from error
