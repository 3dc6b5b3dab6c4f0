# refused: CP028
"""A method that others call, under the name that the kernel calls."""

class Pulses:
    def start(self, pin: int) -> None:
        self._pin = pin
