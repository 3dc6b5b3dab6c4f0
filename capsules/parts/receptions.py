"""Buffers that users of a line have lent to be filled, each with as many bytes as its user has asked for.

Whoever is cut short while a user is told calls `finish` again: it is told once.
"""

from typing import Any

from cells import Buffer
from kernel import Callback, ErrorCode, call_client
from micropython import const

from capsules.parts.lent import take_back

# What is known of a user.
_RECEIVED = const(0)  # the client's callback, or None
_IN = const(1)  # the buffer to be filled, or None
_LENT = const(2)  # the client's own handle of it
_LENGTH = const(3)  # 0 while its client is being told
_LEAST = const(4)  # bytes with which it is over
_AT = const(5)
_STATUS = const(6)  # of one that is over; _RUNNING while it is not

_RUNNING = const(-1)


class Receptions:
    """Each user has one at a time, and may begin the next when it is told."""

    def __init__(self) -> None:
        self._users: "list[list[Any]]" = []

    def new_user(self) -> None:
        """One more, whose number is how many there were; only while the board is wired."""
        self._users.append([None, None, None, 0, 0, 0, _RUNNING])

    def set_client(self, index: int, received: Callback) -> None:
        """Whom to tell: the buffer, its bytes, a status."""
        self._users[index][_RECEIVED] = received

    def check(self, index: int, buffer: Buffer, length: int) -> None:
        """Raise unless this can begin."""
        user = self._users[index]
        if not 0 < length <= len(buffer):
            raise ValueError("a reception has 1 byte at least, and no more than its buffer")
        if user[_IN] is not None and user[_LENGTH]:
            raise RuntimeError("a reception is under way")

    def begin(self, index: int, buffer: Buffer, length: int, least: int) -> None:
        """Up to `length` bytes; it is over when `least` are there, 0: all of them. It was checked."""
        user = self._users[index]
        user[_AT] = 0
        user[_LEAST] = min(least, length) if least > 0 else length
        user[_STATUS] = _RUNNING
        user[_LENT] = buffer
        user[_IN] = buffer.move(self)
        user[_LENGTH] = length

    def is_begun(self, index: int) -> bool:
        """Whether there is one, be it over or not."""
        return self._users[index][_IN] is not None

    def room(self, index: int) -> int:
        """How many bytes it has room for; 0 if there is none, or it is over."""
        user = self._users[index]
        if user[_IN] is None or user[_STATUS] != _RUNNING:
            return 0
        return int(user[_LENGTH]) - int(user[_AT])

    def missing(self, index: int) -> int:
        """How many bytes would be enough."""
        user = self._users[index]
        return int(user[_LEAST]) - int(user[_AT])

    def fill(self, index: int, source: "Buffer | bytes", at: int, count: int) -> None:
        """So many bytes have come in, for which it has room."""
        user = self._users[index]
        user[_IN].copy(user[_AT], source, at, count)
        user[_AT] += count

    def cancel(self, index: int) -> None:
        """It is over, unless it was."""
        user = self._users[index]
        if user[_STATUS] == _RUNNING:
            user[_STATUS] = ErrorCode.CANCEL

    def is_over(self, index: int) -> bool:
        """Whether a user is to be told."""
        user = self._users[index]
        if user[_IN] is None:
            return False
        if user[_STATUS] == _RUNNING and user[_AT] >= user[_LEAST]:
            user[_STATUS] = 0
        return int(user[_STATUS]) != _RUNNING

    def finish(self, index: int) -> bool:
        """Tell a user that its reception is over. Whether it has begun another one."""
        user = self._users[index]
        ours, mine = user[_IN], user[_LENT]
        if user[_LENGTH]:
            user[_LENGTH] = 0
            ours.give_back()
            call_client(user[_RECEIVED], mine, user[_AT], user[_STATUS])
        elif take_back(ours, mine):
            call_client(user[_RECEIVED], mine, user[_AT], user[_STATUS])
        if user[_LENGTH]:
            return True
        user[_IN] = None
        return False
