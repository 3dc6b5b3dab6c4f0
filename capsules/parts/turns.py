"""Whose turn it is with hardware that does one thing at a time: the heart of each multiplexer of such hardware.

A new multiplexer has one of these, or a `Transfers`, if what its users ask for moves buffers. It says how the hardware is asked
(`begin`), and how a user is told (`tell`):

    class ThingMux:
        def __init__(self, thing: Thing) -> None:
            self.shared = (shared(self._set_client), shared(self._do))  # for its devices
            self._turns = Turns(self._begin, self._tell)
            self._thing = thing
            self._devices: "list[list[Any]]" = []
            thing.set_client(self)

        def new_device(self) -> ThingDevice:  # while the board is wired
            self._devices.append([None, 0])
            return ThingDevice(self, self._turns.new_user())

        def _do(self, index: int, what: int) -> int:  # a device's call
            if self._turns.is_waiting(index):
                return ErrorCode.BUSY
            self._devices[index][_WHAT] = what
            self._turns.wait(index)
            return 0

        def done(self, status: int) -> None:  # the hardware's callback
            self._turns.over(status)

        def _begin(self, index: int) -> int:
            return self._thing.do(self._devices[index][_WHAT])

        def _tell(self, index: int, status: int) -> None:
            call_client(self._devices[index][_CLIENT], status)

`begin` and `tell` are called from a deferred call alone, never from within a call of a user's: another one's stack would be
theirs then. Either is called again if it was cut short. Users have their turns in a circle: each before one that has just
had it.
"""

from typing import Callable

from kernel import ErrorCode, deferred
from micropython import const

_IDLE = const(0)  # what a user's state is
_WAITING = const(1)  # for its turn, or has it
_OVER = const(2)  # it is to be told, or is being told

_NOT_BEGUN = const(0)
_CHOSEN = const(1)  # the hardware is being asked; what cuts that short asks again
_BEGUN = const(2)

NOBODY = const(-1)


class Turns:
    """`begin(index)` is 0, BUSY if the hardware is at work on just that, or another ErrorCode, which the user is told."""

    def __init__(self, begin: "Callable[[int], int]", tell: "Callable[[int, int], None]") -> None:
        self._look_later = deferred(self._look)
        self._begin = begin
        self._tell = tell
        self._states: "list[int]" = []
        self._turn = 0  # who has it, or had it last
        self._begun = _NOT_BEGUN
        self._over = False  # the hardware has said so
        self._status = 0
        self._kept_for = NOBODY

    def new_user(self) -> int:
        """Its number; only while the board is wired."""
        self._states.append(_IDLE)
        return len(self._states) - 1

    def is_waiting(self, index: int) -> bool:
        """Whether this user waits, or has its turn."""
        return self._states[index] == _WAITING

    def wait(self, index: int) -> None:
        """From now on it does. A user may wait again as soon as it is told."""
        self._states[index] = _WAITING
        self._look_later()

    def keep_for(self, index: int) -> None:
        """From now on it is this user's turn alone; NOBODY: everybody's."""
        self._kept_for = index
        self._look_later()

    def over(self, status: int) -> None:
        """From the hardware; perhaps more than once."""
        if self._begun != _NOT_BEGUN:
            self._status = status
            self._over = True
            self._look_later()

    # -- From the kernel's loop --

    def _look(self) -> None:
        """Tell who had the turn, then begin with the next one."""
        states = self._states
        turn = self._turn
        if self._over:
            states[turn] = _OVER
            self._begun = _NOT_BEGUN
            self._over = False
        if states[turn] == _OVER:
            self._tell(turn, self._status)
            if states[turn] == _OVER:  # it has not asked for anything else
                states[turn] = _IDLE
        if self._begun == _BEGUN or (self._begun == _NOT_BEGUN and not self._choose()):
            return
        status = self._begin(self._turn)
        if status == 0 or status == ErrorCode.BUSY:  # busy with this one: what began it was cut short
            self._begun = _BEGUN
        else:
            self._status = status
            self._over = True
            self._look_later()

    def _choose(self) -> bool:
        """Whose turn it is. False if nobody waits who may have it."""
        count = len(self._states)
        turn = self._turn
        for _ in range(count):
            turn += 1
            if turn >= count:
                turn = 0
            if self._states[turn] == _WAITING and (self._kept_for == NOBODY or self._kept_for == turn):
                self._turn = turn
                self._begun = _CHOSEN
                return True
        return False
