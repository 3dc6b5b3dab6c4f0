# contained: -
"""Enables, disables and triggers its lines from within their handler."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._line = powers.line
        self._hardware = powers.hardware
        self._left = 0

    def attack(self, number, attempt, second, process):
        self._left = 500
        self._line.enable(self.turn)
        self._line.trigger()
        return ErrorCode.BUSY

    def turn(self):
        self._left -= 1
        for i in range(5):
            self._line.disable()
            self._hardware.enable(self.turn)
            self._line.enable(self.turn)
            self._hardware.disable()
        if self._left > 0:
            self._line.trigger()
            self._hardware.trigger()
