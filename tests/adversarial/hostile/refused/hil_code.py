# refused: CP014 as hil
"""Code in an interface, which nobody expects there."""

from typing import Protocol


class Led(Protocol):
    def on(self):
        return 1
