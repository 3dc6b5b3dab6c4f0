"""Whether an app that another one loads asks for more than that one has: drivers and their commands, what is stored, and a name of its own.

Headers are walked entry by entry, and permissions compared one by one, a piece at a time: nobody waits for a header that is long on
purpose. What is in a header more than once counts as the core counts it: the last one does (firmware/kernel/tbf.c).
"""

from typing import Callable

from cells import Buffer
from micropython import const

from capsules.virtual.app_directory import u16
from capsules.virtual.app_list import HEAD, LONGEST_HEADER
from capsules.virtual.app_store import BAD, GONE, KEPT

NOT_YET = const(-1)
TAKEN = const(2)
"""The name or the short ID is another app's."""

_NAME = const(3)
_PERMISSIONS = const(6)
_STORAGE = const(7)
_SHORT_ID = const(10)

_LONGEST_NAME = const(128)  # who has a longer one does not run
_OTHER = const(2)

# Facts: of the app that is loaded, of the one that loads it, and of another one.
_APP = const(0)
_PLACE = const(3)  # where its permissions begin; 0: it may use every driver
_COUNT = const(6)
_LOW = const(9)  # of the number under which it stores
_HIGH = const(12)
_NAME_AT = const(15)
_LENGTH = const(18)  # of its name; 0: it has none
_ID_LOW = const(21)
_ID_HIGH = const(24)

_STORES_LOW = const(1)  # driver 0x50001, under which programs store
_STORES_HIGH = const(5)

_ENTRY = const(16)  # bytes: driver, which 64 commands, and a bit for each
_AT_ONCE = const(8)


class AppRights:
    """`read` is the store's; `buffer` has at least 144 bytes."""

    def __init__(
        self, read: "Callable[[int, int, Buffer, int, int], int]", flags_of: "Callable[[int], int]", buffer: Buffer
    ) -> None:
        self._read = read
        self.flags_of = flags_of
        self._buffer = buffer
        self._facts = [0 for _ in range(27)]
        self.replaced = -1
        self._shares = True  # the one that loads may change what programs without such a number store
        self._which = 0
        self._at = 0
        self._end = 0
        self._next = 0  # permission that is compared

    def replace(self, app: int) -> None:
        """What is loaded takes the place of this app; -1: of none."""
        self.replaced = app

    def begin(self, app: int, own: int) -> None:
        """Compare these apps of the store, a negative one has nothing; and the first with all that have lower numbers, but for `replaced`."""
        self._facts[_APP] = app
        self._facts[_APP + 1] = own
        self._facts[_APP + _OTHER] = 0
        self._shares = True
        self._which = 0
        self._at = 0
        self._next = 0

    def next(self) -> int:
        """NOT_YET, and the next call goes on; or TAKEN if an app that is there has its name or its short ID; 1 if it asks for no more than the other has, else 0."""
        if self._facts[_APP + 1] < 0:
            return 0
        if self._which < _OTHER:
            self._walk(self._facts[_APP + self._which], self._which)
            return NOT_YET
        if self._facts[_APP + _OTHER] < self._facts[_APP]:
            return self._look_at_other()
        number = self._facts[_LOW] | self._facts[_HIGH]
        facts = self._facts
        differs = not self._shares if number == 0 else facts[_LOW] != facts[_LOW + 1] or facts[_HIGH] != facts[_HIGH + 1]
        if differs and (number or self._facts[_PLACE] == 0):
            return 0
        if self._facts[_PLACE] == 0:
            return 1 if self._facts[_PLACE + 1] == 0 else 0
        if self._next == self._facts[_COUNT]:
            return 1
        if not self._has_next(differs):
            return 0
        self._next += 1
        return NOT_YET

    def _look_at_other(self) -> int:
        """At the next entry of another app's header; or, once that has been walked, whether it is called the same."""
        other = self._facts[_APP + _OTHER]
        if other != self.replaced and not self.flags_of(other) & (GONE | BAD | KEPT):
            if self._which == _OTHER:
                self._walk(other, _OTHER)
                return NOT_YET
            facts = self._facts
            low, high = facts[_ID_LOW], facts[_ID_HIGH]
            same = low == facts[_ID_LOW + _OTHER] and high == facts[_ID_HIGH + _OTHER] and low | high != 0
            if same or self._has_same_name(other):
                return TAKEN
        self._which = _OTHER
        self._facts[_APP + _OTHER] = other + 1
        return NOT_YET

    def _has_same_name(self, other: int) -> bool:
        buffer = self._buffer
        length = self._facts[_LENGTH]
        if length == 0 or length != self._facts[_LENGTH + _OTHER]:
            return False
        for at in range(0, min(length, _LONGEST_NAME), 64):
            count = min(64, length - at)
            self._read(self._facts[_APP], self._facts[_NAME_AT] + at, buffer, 0, count)
            self._read(other, self._facts[_NAME_AT + _OTHER] + at, buffer, 64, count)
            for index in range(count):
                if buffer[index] != buffer[64 + int(index)]:
                    return False
        return True

    def _walk(self, app: int, which: int) -> None:
        """To the header's next entry."""
        buffer = self._buffer
        at = self._at
        if at == 0:
            for fact in range(_PLACE, 27, 3):
                self._facts[int(fact) + which] = 0
            self._read(app, 0, buffer, 0, HEAD)
            self._end = min(u16(buffer, 2), LONGEST_HEADER)
            self._at = HEAD
            return
        if at + 4 > self._end:
            self._at = 0
            self._which = which + 1
            return
        self._read(app, at, buffer, 0, 8)
        kind, length = u16(buffer, 0), u16(buffer, 2)
        if kind == _PERMISSIONS:
            self._facts[_PLACE + which] = at + 6
            self._facts[_COUNT + which] = min(u16(buffer, 4), (self._end - at) // _ENTRY)
        elif kind == _STORAGE:
            self._facts[_LOW + which] = u16(buffer, 4)
            self._facts[_HIGH + which] = u16(buffer, 6)
            if which == 1:
                self._shares = self._facts[_LOW + 1] | self._facts[_HIGH + 1] == 0 or self._may_share(app, at + 8)
        elif kind == _NAME:
            self._facts[_NAME_AT + which] = at + 4
            self._facts[_LENGTH + which] = length
        elif kind == _SHORT_ID:
            self._facts[_ID_LOW + which] = u16(buffer, 4)
            self._facts[_ID_HIGH + which] = u16(buffer, 6)
        self._at = at + 4 + (length + 3 & ~3)

    def _may_share(self, app: int, at: int) -> bool:
        """Whether 0 is among the first of the numbers whose data the app may modify. Before these there are those that it may read."""
        buffer = self._buffer
        self._read(app, at, buffer, 0, 2)
        at += 2 + (u16(buffer, 0) << 2)
        self._read(app, at, buffer, 0, 2)
        for number in range(min(u16(buffer, 0), _AT_ONCE)):
            self._read(app, at + 2 + (int(number) << 2), buffer, 0, 4)
            if u16(buffer, 0) | u16(buffer, 2) == 0:
                return True
        return False

    def _has_next(self, stores_not: bool) -> bool:
        """Whether the permission that is next is one of those of the app that loads; and, if it is to store nothing, another one."""
        buffer = self._buffer
        count = self._facts[_COUNT + 1]
        self._read(self._facts[_APP], self._facts[_PLACE] + _ENTRY * int(self._next), buffer, 0, _ENTRY)
        if stores_not and u16(buffer, 0) == _STORES_LOW and u16(buffer, 2) == _STORES_HIGH:
            return False
        if self._facts[_PLACE + 1] == 0:
            return True
        for first in range(0, count, _AT_ONCE):
            some = int(min(count - int(first), _AT_ONCE))
            self._read(self._facts[_APP + 1], self._facts[_PLACE + 1] + _ENTRY * int(first), buffer, _ENTRY, _ENTRY * some)
            for one in range(some):
                if self._covers(_ENTRY + _ENTRY * int(one)):
                    return True
        return False

    def _covers(self, at: int) -> bool:
        """Whether the permission there is for the same driver and commands as the first, and maybe more of these."""
        buffer = self._buffer
        for offset in range(0, 8, 2):
            if u16(buffer, offset) != u16(buffer, at + int(offset)):
                return False
        for offset in range(8, _ENTRY, 2):
            wanted = u16(buffer, offset)
            if u16(buffer, at + int(offset)) & wanted != wanted:
                return False
        return True
