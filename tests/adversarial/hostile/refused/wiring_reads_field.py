# refused: CP027
"""A seed that would be the same on each board."""

from kernel import Registers


class Driver:
    def __init__(self, registers: "Registers | None") -> None:
        self._seed = registers.field(0, 0, 24)
        self._state = self._seed()
