# refused: CP026
"""An object with all of a peripheral in it, by way of a private name and a tuple."""

from kernel import Registers


class Driver:
    def offer(self) -> None:
        self.ports = (self._one, 1)

    def __init__(self, registers: "Registers | None") -> None:
        mine = registers
        self._one = mine
