"""What three runs tell: which words are pointers into the heap, and what was written to the hardware.

A word is such a pointer exactly if the first two differ in it by the distance of their heaps, and the third, with the
first one's heap, does not. Every other word must be equal. A write to a register is the same with both heaps. Of the
third, whose hardware answers ones, it may have bits more, if it comes after a read of that register: these were read,
and are not part of what was written.
"""

import struct
from dataclasses import dataclass

from adder.errors import AdderError
from adder.wire.emulate import HEAP_SIZE, Access, Run
from adder.wire.kernel import Kernel

WORD = 0xFFFFFFFF


@dataclass(frozen=True)
class Write:
    """A write to a register: of the bits in `mask`."""

    address: int
    mask: int
    value: int


def words(data: bytes) -> list[int]:
    """The words of a piece of memory."""
    return [word for (word,) in struct.iter_unpack("<I", data[: len(data) // 4 * 4])]


class Wired:
    """A kernel that has been wired: its memory as the first run left it, and where the pointers are."""

    def __init__(self, kernel: Kernel, runs: list[Run]) -> None:
        first, second, third = runs
        self.kernel = kernel
        self.heap = first.heap
        self.variables = kernel.symbols["_data_start"]
        self.memory: dict[int, int] = {}
        self.pointers: set[int] = set()
        """The addresses of words that point into the heap."""
        self.tables: dict[int, int] = {}
        """Entries of tables that `prune.py` has made shorter, by their addresses."""
        self.modules: dict[int, str] = {}
        """Whose modules classes are, by the addresses of these: `prune.py` leaves out the modules' names."""
        self.odd: list[tuple[int, int, int]] = []
        distance = second.heap - first.heap
        for start, *parts in (
            (self.variables, first.ram, second.ram, third.ram),
            (first.heap, first.objects, second.objects, third.objects),
        ):
            for number, (word, twin, again) in enumerate(zip(*map(words, parts), strict=True)):
                address = start + 4 * number
                if word:
                    self.memory[address] = word
                if twin - word == distance and 0 <= word - first.heap < HEAP_SIZE and again == word:
                    self.pointers.add(address)
                elif not word == twin == again:
                    self.odd.append((address, word, twin if twin != word else again))

    def check(self) -> None:
        """Raise if there is a word that is neither the same in all nor an address."""
        for address, word, twin in self.odd:
            raise AdderError(
                f"The word at 0x{address:08x}{self._variable(address)} is 0x{word:08x} or 0x{twin:08x}, and no"
                " address of an object: wiring depends on something that is not the same at each boot."
            )

    def _variable(self, address: int) -> str:
        """The variable in which an address lies."""
        for name, start in self.kernel.symbols.items():
            if start <= address < start + self.kernel.sizes[name]:
                return f" (in '{name}')"
        return ""

    def word(self, address: int) -> int:
        """A word of the kernel's memory, of RAM or flash."""
        inside = self.variables <= address < self.kernel.symbols["_bss_end"]
        if inside or self.heap <= address < self.heap + HEAP_SIZE:
            return self.memory.get(address, 0)
        return self.kernel.word(address)

    def put(self, address: int, word: int, pointer: bool) -> None:
        """Change a word."""
        self.memory[address] = word
        (self.pointers.add if pointer else self.pointers.discard)(address)

    def byte(self, address: int) -> int:
        return self.word(address & ~3) >> 8 * (address & 3) & 0xFF

    def text(self, address: int) -> str:
        """Text that ends with a zero."""
        found = bytearray()
        while byte := self.byte(address + len(found)):
            found.append(byte)
        return found.decode()

    def qstr(self, number: int) -> str:
        """The text of an interned string. A pool begins with the one before, and how many come before (py/qstr.h)."""
        pool = self.word(self.kernel.state("vm.last_pool"))
        while number < self.word(pool + 4) & 0x7FFFFFFF:
            pool = self.word(pool)
        return self.text(
            self.word(pool + self.kernel.facts["qstrs"] + 4 * (number - (self.word(pool + 4) & 0x7FFFFFFF)))
        )

    def capsule(self, index: int) -> str:
        """A capsule's name, as the board calls it."""
        return f"capsule '{self.qstr(self.capsule_name(index))}'" if index else "the board"

    def capsule_name(self, index: int) -> int:
        """The number of that name."""
        at = self._of_capsule(index, "name")
        return self.word(at & ~3) >> 8 * (at & 3) & 0xFFFF

    def _of_capsule(self, index: int, member: str) -> int:
        facts = self.kernel.facts
        return self.kernel.symbols["capsules"] + index * facts["capsule"] + facts[f"capsule.{member}"]

    def failed(self) -> list[str]:
        """The capsules that have failed, whatever the log says."""
        count = self.byte(self.kernel.symbols["capsule_count"])
        return [self.capsule(i) for i in range(count + 1) if self.word(self._of_capsule(i, "failures"))]


def writes_of(wired: Wired, accesses: list[list[Access]]) -> list[Write]:
    """What construction wrote to the hardware, in order."""
    found: list[Write] = []
    reading: Access | None = None
    for one, other, again in zip(*accesses, strict=False):
        if len({(access.address, access.value is None) for access in (one, other, again)}) > 1:
            raise AdderError(
                f"{wired.capsule(one.capsule)} does to the hardware what depends on what it reads.".capitalize()
            )
        if reading is not None and (one.value is None or one.address != reading.address):
            raise read_while_wiring(wired, reading)
        if one.value is None or other.value is None or again.value is None:
            reading = one
            continue
        mask = WORD if reading is None else WORD & ~(again.value & ~one.value)
        if one.value != other.value or (one.value ^ again.value) & mask:
            raise AdderError(
                f"{wired.capsule(one.capsule)} writes to the register at 0x{one.address:08x} what is not the same at"
                " each boot; an address of a buffer perhaps, whose place is `start`."
            )
        found.append(Write(one.address, mask, one.value & mask))
        reading = None
    if reading is not None:
        raise read_while_wiring(wired, reading)
    if len({len(those) for those in accesses}) > 1:
        raise AdderError("Wiring does more or less to the hardware, depending on what it reads there.")
    return found


def read_while_wiring(wired: Wired, access: Access) -> AdderError:
    """What is said of a capsule that reads hardware when it is made."""
    from adder.wire.places import first_function

    where = first_function(wired.kernel, (access.pc | 1, *access.callers))
    return AdderError(
        f"{wired.capsule(access.capsule)} reads 0x{access.address:08x}{' in ' + where if where else ''} while the board"
        " is wired, which happens when the kernel is built. What has to be read belongs in its method `start`."
    )
