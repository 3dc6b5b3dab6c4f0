"""What a pin of the chip is to a capsule."""

from typing import Callable, Protocol

from micropython import const

PULL_NONE = const(0)
PULL_UP = const(1)
PULL_DOWN = const(2)

EDGE_EITHER = const(0)
EDGE_RISING = const(1)
EDGE_FALLING = const(2)


class Pin(Protocol):
    """One pin. It is an input, an output, or disabled, which it is at first."""

    def make_output(self) -> None:
        """Drive it, to the level that was set last."""

    def make_input(self, pull: int) -> None:
        """Do not drive it. `pull`: PULL_NONE, PULL_UP or PULL_DOWN."""

    def disable(self) -> None:
        """Neither drive nor sense it."""

    def read(self) -> int:
        """The level at the pin, input or output: 0 or 1."""

    def set(self) -> None:
        """Let the output be 1."""

    def clear(self) -> None:
        """Let the output be 0."""

    def toggle(self) -> None:
        """Change the output."""

    def enable_interrupts(self, edge: int) -> None:
        """Call the client after each such edge: EDGE_EITHER, EDGE_RISING or EDGE_FALLING.

        Edges that follow each other quickly may be one call.
        """

    def disable_interrupts(self) -> None:
        """Call the client no more."""

    def set_client(self, changed: Callable[[], None]) -> None:
        """Call `changed()` after an edge."""


class Pins(Protocol):
    """The pins of a chip."""

    def pin(self, number: int) -> Pin:
        """One of them, by the number that the chip's driver gives it. Each is asked for once."""
