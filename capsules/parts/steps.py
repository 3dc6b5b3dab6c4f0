"""A transfer that a driver makes in steps from the kernel's loop, where others have their turn before the next one.

    self._steps = Steps(line, self._step, self._tell)

A transfer begins with `prepare()`, then all that says what it is, then `begin()`. A step that was cut short has left the hardware
nobody knows where: the next call of `step` says so. The client is told until it has been.
"""

from typing import Callable

from kernel import InterruptLine
from micropython import const

GO_ON = const(-1)
"""What `step` returns if nothing is over yet."""

_IDLE = const(0)
_MOVING = const(1)
_TELL = const(2)


class Steps:
    """`step(was_cut)` does what is next: GO_ON, or with what status the transfer is over, which `tell(status)` tells the client."""

    def __init__(self, line: InterruptLine, step: "Callable[[bool], int]", tell: "Callable[[int], None]") -> None:
        self._line = line
        self._step = step
        self._tell = tell
        self._doing = _IDLE
        self._in_step = False  # still true in the next one: it was cut short
        self._status = 0
        line.enable(self._go_on)

    def are_under_way(self) -> bool:
        """Whether nothing else may begin. It may as soon as the client is told."""
        return self._doing == _MOVING

    def prepare(self) -> None:
        """Something is to begin: nothing is done until all is said."""
        self._doing = _IDLE

    def begin(self) -> None:
        """All is said."""
        self._in_step = False
        self._doing = _MOVING
        self._line.trigger()

    def _go_on(self) -> None:
        """From the line."""
        if self._doing == _MOVING:
            was_cut = self._in_step
            self._in_step = True
            status = self._step(was_cut)
            if status == GO_ON:
                self._line.trigger()
                self._in_step = False
                return
            self._status = status
            self._doing = _TELL
        if self._doing == _TELL:
            self._tell(self._status)
            if self._doing == _TELL:  # the client has begun nothing else
                self._doing = _IDLE
