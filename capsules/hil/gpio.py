"""What a pin is to a capsule."""

from typing import Callable, Protocol

from micropython import const

PULL_NONE = const(0)
PULL_UP = const(1)
PULL_DOWN = const(2)

EDGE_EITHER = const(0)
EDGE_RISING = const(1)
EDGE_FALLING = const(2)


class Pin(Protocol):
    """One pin that can be an input or an output, and can interrupt."""

    def make_output(self) -> None:
        """Drive the pin, to the level that was last set; it is low at first."""

    def make_input(self, pull: int) -> None:
        """Let others drive the pin. `pull`: PULL_NONE, PULL_UP or PULL_DOWN, what it is when nobody does."""

    def disable(self) -> None:
        """Neither input nor output: the pin draws no current."""

    def read(self) -> int:
        """The level: 1 or 0."""

    def set(self) -> None:
        """High, if the pin is an output."""

    def clear(self) -> None:
        """Low, if the pin is an output."""

    def toggle(self) -> None:
        """The other level, if the pin is an output."""

    def enable_interrupts(self, edge: int) -> None:
        """Call the client after each edge. `edge`: EDGE_EITHER, EDGE_RISING or EDGE_FALLING.

        Where that was on already, `edge` replaces what it was, and no edge is lost.
        """

    def disable_interrupts(self) -> None:
        """Stop calling the client."""

    def set_client(self, changed: Callable[[], None]) -> None:
        """Call `changed()` after an edge; it reads the level if it needs to know."""


class Pins(Protocol):
    """The pins of a chip."""

    def pin(self, number: int) -> Pin:
        """One of them, by the number that the chip's driver gives it. Each is asked for once."""
