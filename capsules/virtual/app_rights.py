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
        self._flags_of = flags_of
        self._buffer = buffer
        # Of the app that is loaded, of the one that loads it, and of another one:
        self._app = [0, 0, 0]
        self._place = [0, 0, 0]  # where its permissions begin; 0: it may use every driver
        self._count = [0, 0, 0]
        self._low = [0, 0, 0]  # of the number under which it stores
        self._high = [0, 0, 0]
        self._name = [0, 0, 0]  # where its name is,
        self._length = [0, 0, 0]  # how long; 0: it has none
        self._id_low = [0, 0, 0]
        self._id_high = [0, 0, 0]
        self._replaced = 0
        self._apps = 0
        self._shares = True  # the one that loads may change what programs without such a number store
        self._which = 0
        self._at = 0
        self._end = 0
        self._next = 0  # permission that is compared

    def begin(self, app: int, own: int, apps: int, replaced: int) -> None:
        """Compare these apps of the store, a negative one has nothing; and the first with all of so many, but for the one that it replaces."""
        self._app[0] = app
        self._app[1] = own
        self._app[_OTHER] = 0
        self._apps = apps
        self._replaced = replaced
        self._shares = True
        self._which = 0
        self._at = 0
        self._next = 0

    def next(self) -> int:
        """NOT_YET, and the next call goes on; or TAKEN if an app that is there has its name or its short ID; 1 if it asks for no more than the other has, else 0."""
        if self._app[1] < 0:
            return 0
        if self._which < _OTHER:
            self._walk(self._app[self._which], self._which)
            return NOT_YET
        if self._app[_OTHER] < self._apps:
            return self._look_at_other()
        number = self._low[0] | self._high[0]
        differs = not self._shares if number == 0 else self._low[0] != self._low[1] or self._high[0] != self._high[1]
        if differs and (number or self._place[0] == 0):
            return 0
        if self._place[0] == 0:
            return 1 if self._place[1] == 0 else 0
        if self._next == self._count[0]:
            return 1
        if not self._has_next(differs):
            return 0
        self._next += 1
        return NOT_YET

    def _look_at_other(self) -> int:
        """At the next entry of another app's header; or, once that has been walked, whether it is called the same."""
        other = self._app[_OTHER]
        if other != self._replaced and not self._flags_of(other) & (GONE | BAD | KEPT):
            if self._which == _OTHER:
                self._walk(other, _OTHER)
                return NOT_YET
            low, high = self._id_low, self._id_high
            if low[0] | high[0] and low[0] == low[_OTHER] and high[0] == high[_OTHER] or self._has_same_name(other):
                return TAKEN
        self._which = _OTHER
        self._app[_OTHER] = other + 1
        return NOT_YET

    def _has_same_name(self, other: int) -> bool:
        buffer = self._buffer
        length = self._length[0]
        if length == 0 or length != self._length[_OTHER]:
            return False
        for at in range(0, min(length, _LONGEST_NAME), 64):
            count = min(64, length - at)
            self._read(self._app[0], self._name[0] + at, buffer, 0, count)
            self._read(other, self._name[_OTHER] + at, buffer, 64, count)
            for index in range(count):
                if buffer[index] != buffer[64 + int(index)]:
                    return False
        return True

    def _walk(self, app: int, which: int) -> None:
        """To the header's next entry."""
        buffer = self._buffer
        at = self._at
        if at == 0:
            for values in (self._place, self._count, self._low, self._high, self._length, self._id_low, self._id_high):
                values[which] = 0
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
            self._place[which] = at + 6
            self._count[which] = min(u16(buffer, 4), (self._end - at) // _ENTRY)
        elif kind == _STORAGE:
            self._low[which] = u16(buffer, 4)
            self._high[which] = u16(buffer, 6)
            if which == 1:
                self._shares = self._low[1] | self._high[1] == 0 or self._may_share(app, at + 8)
        elif kind == _NAME:
            self._name[which] = at + 4
            self._length[which] = length
        elif kind == _SHORT_ID:
            self._id_low[which] = u16(buffer, 4)
            self._id_high[which] = u16(buffer, 6)
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
        count = self._count[1]
        self._read(self._app[0], self._place[0] + _ENTRY * int(self._next), buffer, 0, _ENTRY)
        if stores_not and u16(buffer, 0) == _STORES_LOW and u16(buffer, 2) == _STORES_HIGH:
            return False
        if self._place[1] == 0:
            return True
        for first in range(0, count, _AT_ONCE):
            some = int(min(count - int(first), _AT_ONCE))
            self._read(self._app[1], self._place[1] + _ENTRY * int(first), buffer, _ENTRY, _ENTRY * some)
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
