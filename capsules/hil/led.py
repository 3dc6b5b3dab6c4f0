"""What an LED is to a capsule."""

from typing import Protocol


class Led(Protocol):
    """One LED, whatever pin or polarity it has."""

    def on(self) -> None:
        """Light it."""

    def off(self) -> None:
        """Turn it off."""

    def toggle(self) -> None:
        """Change it."""

    def is_on(self) -> int:
        """1 if it is lit, else 0."""
