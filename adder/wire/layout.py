"""Where each object goes, and the bytes of the wired part: docs/wiring.md has the format.

What changes lies in RAM, from `_wired_ram` on; all else in flash, behind the header at `_wired`. Addresses of objects
are rewritten, in objects and in the kernel's variables.
"""

import struct
from bisect import bisect_right
from dataclasses import dataclass

from adder.errors import AdderError
from adder.wire.compare import Wired, Write
from adder.wire.objects import GROWN, LIST, POOL, Block, Heap

MAGIC = 0x64726977  # firmware/core/wired.h
ZEROS = 0x80000000
HEADER = 48  # wired_t, and what fills it up to a block
AT_ONCE = 4
"""Words that the kernel copies or clears at once."""

SHORTEST = 8  # zeros that are worth a piece of their own


@dataclass(frozen=True)
class Image:
    """What is put into the kernel."""

    data: bytes
    """For flash, at `_wired`."""
    ram: int
    """Bytes that the objects which change take, at `_wired_ram`."""


class Layout:
    """Places the blocks: each capsule's, one after the other, from a multiple of 16 on."""

    def __init__(self, wired: Wired, heap: Heap) -> None:
        self.wired, self.heap, self.kernel = wired, heap, wired.kernel
        self.starts = list(heap.blocks)
        self.places: dict[int, int] = {}
        self.flash_end = self.flash = self.kernel.symbols["_wired"] + HEADER
        self.ram_end = self.ram = self.kernel.symbols["_wired_ram"]
        self.flash_end = self._place(self.flash, changes=False)
        self.ram_end = self._place(self.ram, changes=True)

    def _chosen(self, changes: bool) -> list[list[Block]]:
        """The blocks of one part, by the capsules that have made them."""
        found: dict[int, list[Block]] = {}
        for block in self.heap.blocks.values():
            if block.changes == changes:
                found.setdefault(block.owner, []).append(block)
        return [found[owner] for owner in sorted(found)]

    def _place(self, at: int, changes: bool) -> int:
        for blocks in self._chosen(changes):
            for block in blocks:
                self.places[block.address] = at
                at += block.needs
            at += -at % self.heap.block
        return at

    def moved(self, pointer: int) -> int:
        """Where what was at this address is now."""
        start = self.starts[bisect_right(self.starts, pointer) - 1]
        if pointer >= start + self.heap.blocks[start].needs:
            raise AdderError(f"0x{pointer:08x} is the address of an object that is not placed.")
        return self.places[start] + pointer - start

    def word(self, address: int) -> int:
        """A word of the kernel's memory as it will be."""
        word = self.wired.word(address)
        return self.moved(word) if address in self.wired.pointers else word

    def block(self, block: Block) -> bytes:
        """A block's contents. The pool of names and long lists are closed: nothing is added to them any more."""
        words = [self.word(block.address + offset) for offset in range(0, block.needs, 4)]
        if block.kind == POOL:
            words[2] = words[3]  # alloc, len
        if block.kind == LIST and words[2] >= GROWN:
            words[1] = words[2]  # alloc, len
        return struct.pack(f"<{len(words)}I", *words)

    def part(self, changes: bool) -> tuple[bytes, bytes]:
        """The objects that change, or those that do not; and who has made them, a byte for each 16."""
        data, owners = b"", b""
        for blocks in self._chosen(changes):
            data += b"".join(map(self.block, blocks))
            data += bytes(-len(data) % self.heap.block)
            owners = owners.ljust(len(data) // self.heap.block, bytes([blocks[0].owner]))
        return data, owners

    def variables(self) -> list[int]:
        """The words of .bss. Those of .data come from the image, and wiring must have left them as they were."""
        kernel, symbols = self.kernel, self.kernel.symbols
        for address in range(symbols["_data_start"], symbols["_data_end"], 4):
            if self.wired.word(address) != kernel.word(address):
                raise AdderError(f"The variable at 0x{address:08x} lies in .data, and wiring has changed it.")
        anew = {kernel.state("vm.qstr_last_alloc"), kernel.state("vm.qstr_last_used")}
        return [
            0 if address in anew or self.heap.left_out(address) else self.word(address)
            for address in range(symbols["_bss_start"], symbols["_bss_end"], 4)
        ]

    def image(self, writes: list[Write]) -> Image:
        """All of it."""
        flash, flash_owners = self.part(changes=False)
        ram, ram_owners = self.part(changes=True)
        owners = flash_owners + ram_owners
        owners += bytes(-len(owners) % 4)
        pieces = encode(self.kernel.symbols["_bss_start"], self.variables())
        pieces += encode(self.ram, [word for (word,) in struct.iter_unpack("<I", ram)])
        registers = b"".join(struct.pack("<III", one.address, one.mask, one.value) for one in writes)
        at_owners = self.flash_end
        at_pieces = at_owners + len(owners)
        at_registers = at_pieces + len(pieces)
        header = struct.pack(
            "<11I",
            MAGIC,
            *(at_pieces, at_registers),
            *(at_registers, at_registers + len(registers)),
            *(self.flash, self.flash_end, at_owners),
            *(self.ram, self.ram_end, at_owners + len(flash_owners)),
        )
        data = header.ljust(HEADER, b"\0") + flash + owners + pieces + registers
        return Image(data, len(ram))


def encode(start: int, words: list[int]) -> bytes:
    """Words of RAM as pieces: address, count, and the words, unless all are zero.

    A piece but the last has a multiple of the words that the kernel moves at once.
    """
    pieces: list[int] = []
    at = 0
    while at < len(words):
        end = at
        zeros = not any(words[at : at + SHORTEST])
        while end < len(words) and any(words[end : end + (AT_ONCE if zeros else SHORTEST)]) != zeros:
            end += AT_ONCE
        end = min(end, len(words))
        pieces += [start + 4 * at, (end - at) | ZEROS] if zeros else [start + 4 * at, end - at, *words[at:end]]
        at = end
    return struct.pack(f"<{len(pieces)}I", *pieces)
