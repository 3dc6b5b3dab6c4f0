"""The memory protection unit, B3.5, for what runs unprivileged; what is privileged reaches everything.

Unicorn has none. So what a process may not reach is watched while it runs, and no longer when the kernel does.
"""

from collections.abc import Callable, Iterable
from typing import Any

from unicorn import UC_HOOK_CODE, UC_HOOK_MEM_READ, UC_HOOK_MEM_WRITE
from unicorn import arm_const as arm
from unicorn import unicorn_const as uc_const

REGIONS = 8
END = 1 << 32

READ, WRITE, EXECUTE = range(3)

PRIVATE = range(0xE0000000, 0xE0100000)
"""The private peripheral bus: no region opens it to a process, and to try is a bus fault (B3.1.2)."""

Span = tuple[int, int]


class Mpu:
    """The registers, and a process's accesses that were refused. `stop` is called at one."""

    def __init__(self, uc: Any, stop: Callable[[], None]) -> None:
        self._uc = uc
        self._stop = stop
        self.off = False  # for faults: it takes what it is told and does nothing
        self.whole_regions = False  # this one does not know of sub-regions
        self.ignored: int | None = None  # nor this one of a region
        self.refused: tuple[int, int, int] | None = None  # what kind of access, where to, and by which instruction
        self._undone: tuple[int, bytes] | None = None
        self._hooks: list[int] = []
        self._spans: list[list[Span]] | None = None
        self.reset()
        # Code that is translated while somebody watches loads will tell of all; so somebody always watches, one word.
        uc.hook_add(UC_HOOK_MEM_READ, lambda *_: None, None, END - 4, END - 4)

    def reset(self) -> None:
        self.control = self.number = 0
        self._bases, self._sizes = [0] * REGIONS, [0] * REGIONS
        self._spans = None

    def read(self, offset: int) -> int:
        """A register, by its offset from MPU_CTRL; from RBAR on they repeat (B3.5.1)."""
        if offset < 8:
            return self.number if offset else self.control
        return self._sizes[self.number] if offset // 4 % 2 else self._bases[self.number] | self.number

    def write(self, offset: int, value: int) -> None:
        """The same."""
        if offset == 0:
            self.control = value
        elif offset == 4:
            self.number = value % REGIONS
        elif offset // 4 % 2:
            self._sizes[self.number] = value
        else:
            if value & 0x10:
                self.number = value & 7
            self._bases[self.number] = value & ~0x1F
        self._spans = None

    # -- What is allowed ---------------------------------------------------------

    def _rights(self, address: int) -> tuple[bool, bool, bool, int]:
        """What a process may do there, and where that may change: the region of the highest number decides."""
        end = END
        for number in reversed(range(REGIONS)):
            base, size = self._bases[number], self._sizes[number]
            if not size & 1 or number == self.ignored:
                continue
            length = 2 << (size >> 1 & 31)
            piece = length // 8
            off = 0 if length < 256 or self.whole_regions else size >> 8 & 0xFF
            if address < base:
                end = min(end, base)
            elif address < base + length:
                at = (address - base) // piece
                end = min(end, base + (at + 1) * piece)
                if not off >> at & 1:
                    access = size >> 24 & 7
                    reads = access in (2, 3, 6, 7)
                    return reads, access == 3, reads and not size >> 28 & 1, end
        return False, False, False, end

    def forbidden(self) -> "list[list[Span]]":
        """For each kind of access, what a process may not reach: beginnings and last bytes."""
        if self._spans is None:
            self._spans = [[], [], []]
            address = 0
            while address < END:
                if self.off or not self.control & 1:
                    rights, end = (True, True, True), END
                else:
                    *allowed, end = self._rights(address)
                    rights = (allowed[0], allowed[1], allowed[2])
                if address < PRIVATE.start:
                    end = min(end, PRIVATE.start)
                elif address in PRIVATE:
                    rights, end = (False, False, False), PRIVATE.stop
                for spans, allowed_here in zip(self._spans, rights, strict=True):
                    if allowed_here:
                        continue
                    if spans and spans[-1][1] == address - 1:
                        spans[-1] = spans[-1][0], end - 1
                    else:
                        spans.append((address, end - 1))
                address = end
        return self._spans

    @property
    def watches(self) -> bool:
        """Whether a process runs."""
        return bool(self._hooks)

    def allows(self, kind: int, address: int, length: int) -> bool:
        """Whether a process may."""
        return not any(first < address + length and address <= last for first, last in self.forbidden()[kind])

    # -- While a process runs ----------------------------------------------------

    def watch(self) -> None:
        """From now on a process runs."""
        self.refused = None
        if self._hooks:
            return
        reads, writes, executes = self.forbidden()
        self._add(UC_HOOK_MEM_READ, self._accessed, reads)
        self._add(UC_HOOK_MEM_WRITE, self._accessed, writes)
        self._add(UC_HOOK_CODE, self._executed, executes)

    def _add(self, kind: int, callback: Callable[..., None], spans: Iterable[Span]) -> None:
        self._hooks += [self._uc.hook_add(kind, callback, None, first, last) for first, last in spans]

    def unwatch(self) -> None:
        """Now the kernel does."""
        self.refused = None
        for hook in self._hooks:
            self._uc.hook_del(hook)
        self._hooks.clear()

    def _accessed(self, uc: Any, access: int, address: int, size: int, value: int, data: object) -> None:
        if self.refused is not None:
            return
        kind = WRITE if access == uc_const.UC_MEM_WRITE else READ
        self.refused = kind, address, uc.reg_read(arm.UC_ARM_REG_PC)
        memory = address < 0x40000000
        self._undone = (address, bytes(uc.mem_read(address, size))) if kind == WRITE and memory else None
        self._stop()

    def _executed(self, uc: Any, address: int, size: int, data: object) -> None:
        if self.refused is None:
            self.refused = EXECUTE, address, address
            self._undone = None
            self._stop()

    def undo(self) -> None:
        """The refused store has reached memory all the same."""
        if self._undone is not None:
            self._uc.mem_write(*self._undone)
            self._undone = None
