"""Callbacks that say which of several it was."""

from typing import Callable


class Numbered:
    """A callback without arguments that calls another with a number."""

    def __init__(self, function: "Callable[[int], None]", number: int) -> None:
        self._function = function
        self._number = number

    def call(self) -> None:
        """What to hand in as the callback."""
        self._function(self._number)
