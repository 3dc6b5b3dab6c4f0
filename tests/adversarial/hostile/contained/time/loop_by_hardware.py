# contained: -
"""The timer's interrupt never ends, because nobody clears it."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._registers = powers.registers
        self._line = powers.hardware
        self._buffer = powers.buffer

    def attack(self, number, attempt, second, process):
        try:
            self._registers.start_dma("copy", self._buffer, 16)
        except RuntimeError:
            return ErrorCode.BUSY
        self._line.enable(self.nothing)
        self._registers.write(0, 9)
        return ErrorCode.BUSY

    def nothing(self):
        pass
