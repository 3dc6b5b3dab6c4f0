"""The tests of a bring-up in a spare page of the flash: the last one of the storage, if nothing is in it.

What is written there is looked at again after the reset that the watchdog makes, or that a person does.
"""

from typing import Callable

from cells import Buffer
from micropython import const

from capsules.bringup.report import Report
from capsules.hil.flash import Flash

_SIZE = const(64)
_MARK = const(0xB7)  # the first byte of what is kept over the reset
_ERASED = const(0xFF)

_IDLE = const(0)
_ERASING = const(1)
_FIRST = const(2)  # a pattern
_SECOND = const(3)  # the rest of its bits
_ERASING_AGAIN = const(4)
_KEEPING = const(5)
_CLEARING = const(6)


class SparePage:
    """The page, which one test after the other uses."""

    def __init__(self, flash: Flash) -> None:
        self.buffer = Buffer(_SIZE)
        self.other = Buffer(_SIZE)
        self._flash = flash
        self._page = 0
        self._offset = 0

    def find(self) -> None:
        """Where it is; at boot, since it is read from the flash's driver."""
        size = self._flash.page_size()
        self._page = self._flash.length() // size - 1
        self._offset = int(self._page) * int(size)

    def first(self) -> int:
        """Its first byte."""
        self._flash.read(self._offset, self.other, 0, _SIZE)
        return self.other[0]

    def count_other_than(self, value: int, step: int) -> int:
        """How many of its first bytes are not `value`, `value + step` and so on."""
        wrong = 0
        self._flash.read(self._offset, self.other, 0, _SIZE)
        for index in range(_SIZE):
            if self.other[index] != (int(value) + index * int(step)) & 0xFF:
                wrong += 1
        return wrong

    def is_blank(self) -> bool:
        """Whether all of it is erased."""
        for at in range(0, self._flash.page_size(), _SIZE):
            self._flash.read(self._offset + at, self.other, 0, _SIZE)
            for index in range(_SIZE):
                if self.other[index] != _ERASED:
                    return False
        return True

    def fill(self, value: int, step: int) -> None:
        """What is written next: `value`, `value + step` and so on."""
        for index in range(_SIZE):
            self.buffer[index] = (int(value) + index * int(step)) & 0xFF

    def write(self) -> None:
        self._flash.write(self._offset, self.buffer, _SIZE)

    def erase(self) -> None:
        self._flash.erase(self._page)


class FlashBits:
    """Each bit becomes 0 by being written, and 1 again by being erased. Then a pattern is left there for after a reset."""

    def __init__(self, report: Report, page: SparePage, flash: Flash) -> None:
        self.name = "flash"
        self.limit = 3000
        self.kept = False  # a pattern lies there
        self._keeps = True  # one is wanted
        self._report = report
        self._page = page
        self._doing = _IDLE
        flash.set_client(self)

    def look(self) -> int:
        """After boot: 1 if the pattern of the last boot lies there unchanged, 0 if it has changed, -1 if there is none."""
        self._page.find()
        if self._page.first() != _MARK:
            return -1
        return 0 if self._page.count_other_than(_MARK, 5) else 1

    def begin(self) -> None:
        self._page.find()
        # After a restart it is ours, and what does not get blank is broken.
        if self._keeps and self._page.first() != _MARK and not self._page.is_blank():
            self._report.skipped(self.name, "the last page of the storage is in use")
            self._report.done(self.name)
            return
        self._begin(_ERASING)

    def forget(self) -> None:
        """Erase the pattern of the last boot; there will be no other."""
        self._keeps = False
        self._begin(_CLEARING)

    def _begin(self, doing: int) -> None:
        self._doing = doing
        self._page.erase()

    def _write(self, doing: int, value: int, step: int) -> None:
        self._doing = doing
        self._page.fill(value, step)
        self._page.write()

    def erased(self, status: int) -> None:
        doing = self._doing
        if doing == _ERASING:
            self._report.measured("flash-erased", 0 if self._page.is_blank() else 1, 0, 0, "pages that are not")
            self._write(_FIRST, 0x55, 0)
        elif doing == _ERASING_AGAIN:
            self._report.measured("flash-erased-again", 0 if self._page.is_blank() else 1, 0, 0, "pages that are not")
            if self._keeps:
                self._write(_KEEPING, _MARK, 5)
            else:
                self._doing = _IDLE
                self._report.done(self.name)
        elif doing == _CLEARING:
            self._doing = _IDLE
            self._report.done("restarted")

    def written(self, buffer: Buffer, status: int) -> None:
        doing = self._doing
        if doing == _FIRST:
            self._report.measured("flash-written", self._page.count_other_than(0x55, 0), 0, 0, "wrong bytes of 64")
            self._write(_SECOND, 0, 0)
        elif doing == _SECOND:
            self._report.measured("flash-cleared", self._page.count_other_than(0, 0), 0, 0, "wrong bytes of 64")
            self._begin(_ERASING_AGAIN)
        elif doing == _KEEPING:
            self._doing = _IDLE
            self.kept = True
            self._report.done(self.name)


class Restarted:
    """After a boot: if the bench had begun before, is its pattern in the flash, and was it the watchdog that has reset the board?

    `reasons` is RESETREAS, of a chip with that watchdog.
    """

    def __init__(self, report: Report, pattern: FlashBits, reasons: "Callable[[], int] | None") -> None:
        self.name = "restarted"
        self.limit = 2000
        self._report = report
        self._pattern = pattern
        self._reasons = reasons
        self._has = False

    def has(self) -> bool:
        """Whether the bench had begun before."""
        return self._has

    def begin(self) -> None:
        found = self._pattern.look()
        if found < 0:
            self._report.done(self.name)
            return
        self._has = True
        if self._reasons is not None:
            reasons = self._reasons()
            self._report.checked("watchdog", reasons & 2 != 0, f"was waited for, and RESETREAS is {reasons:08x}")
        self._report.checked("storage", found == 1, "unchanged by the reset" if found else "CHANGED by the reset")
        self._pattern.forget()


class AskForRestart:
    """For a board without a watchdog."""

    def __init__(self, report: Report, restarted: Restarted) -> None:
        self.name = "storage"
        self.limit = 500
        self._report = report
        self._restarted = restarted

    def begin(self) -> None:
        if not self._restarted.has():
            self._report.skipped(self.name, "restart the board, and what lies in it is looked at")
        self._report.done(self.name)
