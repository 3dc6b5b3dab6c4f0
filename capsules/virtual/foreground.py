"""Which process is in the foreground of the console, and who may write."""

from typing import TYPE_CHECKING

from kernel import Entry, ErrorCode
from micropython import const

from capsules.hil.line import Line

if TYPE_CHECKING:
    from capsules.virtual.kept_output import KeptOutput

NOBODY = const(-1)

# How a process has claimed the line. Each less 1 is what the line is then claimed for (capsules/hil/line.py).
_NOT = const(0)
_FOREGROUND = const(1)
_BINARY = const(3)


class Foreground:
    """Of two processes that claim the line, the first has it until it ends."""

    def __init__(self, line: Line, kept: "KeptOutput") -> None:
        self.kept = kept  # what the others have written meanwhile
        self._line = line
        self._entry: "Entry | None" = None  # of the process in the foreground
        self._slot = NOBODY
        self._how = _NOT  # what it has claimed
        self._alone = False  # nobody but it writes
        self._away = False  # the line is a protocol's

    def claim(self, entry: Entry, slot: int, how: int, seconds: int) -> int:
        """A process's claim: an ErrorCode, or 0."""
        if not _NOT <= how <= _BINARY:
            return ErrorCode.INVAL
        if self.find() != NOBODY and self._entry is not entry:
            return ErrorCode.BUSY if how != _NOT else 0
        if how == _NOT:
            self._leave()
        else:
            self._slot = slot
            self._entry = entry
            self._set_how(how, seconds)
        return 0

    def find(self) -> int:
        """The slot of the process in the foreground; NOBODY if there is none, or not any more."""
        if self._entry is not None and not self._entry.alive():
            self._leave()
        return self._slot

    def turn(self, mine: int) -> None:
        """From the line."""
        self._away = mine == 0
        self._alone = mine == 2

    def is_session(self) -> bool:
        """Whether anybody must ask may_write()."""
        return self._away or self._how > _FOREGROUND

    def may_write(self, slot: int) -> bool:
        """Whether what this process writes goes out now."""
        if self._away:
            return False
        if self.find() == slot:
            if self._how > _FOREGROUND:
                self._alone = True
                self._line.active()
            return True
        return not self._alone

    def may_all_write(self) -> bool:
        """Whether everybody may."""
        return not self._away and not self._alone

    def _leave(self) -> None:
        """Nobody is in the foreground."""
        self._set_how(_NOT, 0)
        self._entry = None
        self._slot = NOBODY

    def _set_how(self, how: int, seconds: int) -> None:
        if how > _FOREGROUND or self._how > _FOREGROUND:
            self._line.claim(max(how - 1, 0), seconds)
        self._alone = how > _FOREGROUND
        self._how = how
