"""Pins (driver 0x4, permission "gpio"), numbered as the board lists them: 0 is the first of its list.

A number that the board does not have raises SyscallError INVAL.
"""

from adder import upcall
from syscall import command, natural, yield_no_wait

_DRIVER = const(0x4)

PULL_NONE = const(0)
"""An input's level is whatever drives it."""
PULL_UP = const(1)
"""An input that nobody drives reads 1."""
PULL_DOWN = const(2)
"""An input that nobody drives reads 0."""

EITHER = const(0)
"""Any change of the level."""
RISING = const(1)
"""From 0 to 1."""
FALLING = const(2)
"""From 1 to 0."""

_edge = None
_told = {}  # by pin: of which edges the driver tells


def count() -> int:
    """How many pins the board offers."""
    return command(_DRIVER, 10)


class Pin:
    """One pin; configure it with `output()` or `input()`."""

    def __init__(self, number: int) -> None:
        self.number: int = natural(number)

    def output(self) -> "Pin":
        """Drive it; returns the pin itself."""
        command(_DRIVER, 1, self.number)
        return self

    def input(self, pull: int = PULL_NONE) -> "Pin":
        """Read it; returns the pin itself."""
        command(_DRIVER, 5, self.number, pull)
        return self

    def set(self) -> None:
        """To 1."""
        command(_DRIVER, 2, self.number)

    def clear(self) -> None:
        """To 0."""
        command(_DRIVER, 3, self.number)

    def toggle(self) -> None:
        """To 1 if it is 0, and the other way round."""
        command(_DRIVER, 4, self.number)

    def read(self) -> int:
        """Its level, 1 or 0."""
        return command(_DRIVER, 6, self.number)

    def release(self) -> None:
        """Neither input nor output: the pin draws no current."""
        command(_DRIVER, 9, self.number)

    def _expect(self, edge):
        global _edge
        if _edge is None:
            _edge = upcall.Upcall(_DRIVER, 0)
        number = self.number
        waiters = _edge.waiters_for(number)
        mixed = any(waiter.edge != edge for waiter in waiters)
        told = EITHER if mixed and EITHER <= edge <= FALLING else edge  # the driver refuses what is no edge
        if _told.get(number, told) != told:
            while yield_no_wait():
                pass  # what has come so far was another edge
        command(_DRIVER, 7, number, told)
        _told[number] = told
        expected = _edge.expect(number)
        expected.edge = edge
        # If tasks wait for different edges, the driver tells of both: the level afterwards says whose it is.
        for waiter in waiters + [expected]:
            waiter.beginning = (number, int(waiter.edge == RISING)) if mixed and waiter.edge else (number,)
        return expected

    def wait_edge(self, edge: int = EITHER) -> int:
        """Block until the pin changes so; returns its level after it."""
        return self._expect(edge).wait()[1]

    async def edge(self, edge: int = EITHER) -> int:
        """For `await`: the same."""
        return (await self._expect(edge).arrive())[1]
