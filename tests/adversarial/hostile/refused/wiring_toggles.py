# refused: CP027
"""What is toggled has been read before."""

from kernel import Registers


class Light:
    def __init__(self, registers: Registers) -> None:
        bit = registers.field(0, 3, 1)
        bit.toggle()
