"""Pins (driver 0x4), numbered as the board lists them."""

from adder import upcall
from syscall import command

_DRIVER = const(0x4)

PULL_NONE = const(0)
PULL_UP = const(1)
PULL_DOWN = const(2)

EITHER = const(0)
RISING = const(1)
FALLING = const(2)

_edge = None


def count():
    """How many pins the board offers."""
    return command(_DRIVER, 10)


class Pin:
    """One pin; configure it with `output()` or `input()`."""

    def __init__(self, number):
        self.number = number

    def output(self):
        command(_DRIVER, 1, self.number)
        return self

    def input(self, pull=PULL_NONE):
        command(_DRIVER, 5, self.number, pull)
        return self

    def set(self):
        command(_DRIVER, 2, self.number)

    def clear(self):
        command(_DRIVER, 3, self.number)

    def toggle(self):
        command(_DRIVER, 4, self.number)

    def read(self):
        """1 or 0."""
        return command(_DRIVER, 6, self.number)

    def release(self):
        """Neither input nor output: the pin draws no current."""
        command(_DRIVER, 9, self.number)

    def _expect(self, edge):
        global _edge
        if _edge is None:
            _edge = upcall.Upcall(_DRIVER, 0)
        command(_DRIVER, 7, self.number, edge)
        return _edge.expect(self.number)

    def wait_edge(self, edge=EITHER):
        """Block until the pin changes so; returns its level after it."""
        return self._expect(edge).wait()[1]

    async def edge(self, edge=EITHER):
        """For `await`: the same."""
        return (await self._expect(edge).arrive())[1]
