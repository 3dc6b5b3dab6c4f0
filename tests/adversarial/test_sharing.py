"""What several capsules hold of another one is wrapped by kernel.shared: found in the heap of the wired kernel.

Each block of the kernel's heap knows whose it is. From what a capsule holds of another's, one gets, by its tuples,
lists and attributes, to objects of that one's classes. An object to which two capsules get on such ways could be left
half done by the one at the other's expense, unless the last step is a wrapper, which the search does not pass.
"""

import struct
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from cortex import Board
from injector import write_board
from kernels import build_board, build_variant, write

from adder.board import ROOT
from adder.symbols import Symbols

BLOCK = 16
FREE, HEAD, TAIL = 0, 1, 2
OF_THE_DEAD = 0x80  # core/heap.c


class Heap:
    """The kernel's heap after the board was wired."""

    def __init__(self, kernel: Path) -> None:
        self.symbols = Symbols.read(kernel)
        self.board = board = Board(kernel, b"", plain=True)
        board.run(lambda: True)  # to the processor's first sleep
        memory = board.machine.mem_read
        heap = self.symbols["_heap_start"].address
        owners = struct.unpack("<I", memory(self.symbols["block_owners"].address, 4))[0]
        total = struct.unpack("<H", memory(self.symbols["total"].address, 2))[0]
        table = bytes(memory(heap, (total + 3) // 4))
        self.begin = owners // BLOCK * BLOCK - total * BLOCK
        owner = bytes(memory(owners, total))
        kinds = [table[n // 4] >> 2 * (n % 4) & 3 for n in range(total)]
        self.blocks: dict[int, tuple[int, tuple[int, ...]]] = {}
        """Of each object: whose it is, and its words."""
        for n in range(total):
            if kinds[n] == HEAD:
                end = n + 1
                while end < total and kinds[end] == TAIL:
                    end += 1
                at, size = self.begin + n * BLOCK, (end - n) * BLOCK
                words = struct.unpack(f"<{size // 4}I", memory(at, size))
                if words[0] == self.symbols["deferred_type"].address:
                    words = words[:1] + words[2:]  # the core's chain of all of these
                self.blocks[at] = owner[n] & ~OF_THE_DEAD, words
        self.class_of_classes = self.symbols["mp_type_type"].address
        self.wrapper = self.symbols["shared_type"].address
        self.buffer = self.symbols["buffer_type"].address  # what it knows of others is C's, and calls nothing

    def is_instance(self, at: int) -> bool:
        """Whether it is an object of a class written in Python."""
        kind = self.blocks[at][1][0]
        return kind in self.blocks and self.blocks[kind][1][0] == self.class_of_classes

    def is_method(self, at: int) -> bool:
        kinds = {self.symbols[name].address for name in ("mp_type_bound_meth", "callback_type")}
        return at in self.blocks and self.blocks[at][1][0] in kinds

    def walk(self, waiting: list[int], owner: int, *, methods: bool = True) -> Iterator[int]:
        """The capsule's objects to which these words lead, without passing a wrapper, or a method if not `methods`."""
        seen: set[int] = set()
        while waiting:
            at = waiting.pop()
            if at in seen or at not in self.blocks or self.blocks[at][0] != owner:
                continue
            if self.blocks[at][1][0] == self.buffer:
                continue
            if self.blocks[at][1][0] != self.wrapper and (methods or not self.is_method(at)):
                seen.add(at)
                yield at
                waiting += self.blocks[at][1]

    def held(self, capsule: int) -> list[int]:
        """What the capsule's instances lead to: their words, and those of its tuples, lists and attributes."""
        instances = [at for at, (owner, _) in self.blocks.items() if owner == capsule and self.is_instance(at)]
        return [word for at in self.walk(instances, capsule) for word in self.blocks[at][1]]

    def text(self, name: int) -> str:
        """What a qstr says."""
        return self.board.call(self.symbols["qstr_str"].address, name)

    def class_name(self, at: int) -> str:
        return self.text(self.blocks[self.blocks[at][1][0]][1][1] >> 16)

    def capsule_name(self, capsule: int) -> str:
        [name] = struct.unpack(
            "<H", self.board.machine.mem_read(self.symbols["capsules"].address + 20 * capsule + 12, 2)
        )
        return self.text(name)


def unwrapped(heap: Heap) -> set[str]:
    """The classes of which two capsules can call an object of a third, and who they are.

    A driver has a method of its client's, which that has handed in, to call it back: that is not a sharing. Its
    client is who has the driver itself, or a wrapper of its.
    """
    capsules = sorted({owner for owner, _ in heap.blocks.values()} - {0})
    held = {capsule: heap.held(capsule) for capsule in capsules}

    def leads(capsule: int, other: int, handed_in: bool) -> set[int]:
        return {at for at in heap.walk(list(held[capsule]), other, methods=handed_in) if heap.is_instance(at)}

    def is_client(capsule: int, driver: int) -> bool:
        wrappers = (at for at in held[capsule] if at in heap.blocks and heap.blocks[at][1][0] == heap.wrapper)
        return any(heap.blocks[at][0] == driver for at in wrappers) or bool(leads(capsule, driver, handed_in=False))

    holders: dict[int, set[int]] = defaultdict(set)
    for capsule in capsules:
        for other in capsules:
            if capsule != other:
                for at in leads(capsule, other, handed_in=not is_client(other, capsule)):
                    holders[at].add(capsule)
    return {
        f"{heap.class_name(at)}: {', '.join(sorted(map(heap.capsule_name, found)))}"
        for at, found in holders.items()
        if len(found) > 1
    }


@pytest.mark.parametrize("board", ["qemu", "nrf52840"])
def test_no_board_shares_an_object_without_a_wrapper(board: str) -> None:
    kernel = ROOT / "build" / board / "kernel_unwired.elf"  # which has all objects in its heap
    if not kernel.exists():
        kernel = build_variant(board, base=board).with_name(kernel.name)
    assert unwrapped(Heap(kernel)) == set()


def write_naive_board(folder: Path) -> None:
    """The same board with a multiplexer that wraps nothing."""
    write_board(folder)
    text = (ROOT / "capsules" / "virtual" / "virtual_uart.py").read_text().replace("shared(self.", "(self.")
    text = text.replace(", deferred, shared", ", deferred")
    write(folder / "capsules" / "hostile" / "naive_uart.py", text)
    opened = folder / "board" / "components" / "opened.py"
    assert "capsules.virtual.virtual_uart" in opened.read_text()
    write(opened, opened.read_text().replace("capsules.virtual.virtual_uart", "capsules.hostile.naive_uart"))


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_multiplexer_that_two_capsules_share_without_one_is_found(wrapped: bool) -> None:
    kernel = build_board("exhausted", write_board) if wrapped else build_board("naive", write_naive_board)
    found = unwrapped(Heap(kernel.with_name("kernel_unwired.elf")))
    assert any(line.startswith("UartMux: ") for line in found) != wrapped, found
