# contained: TimeOut
"""Loops for ever when the hardware has its buffer, and then uses that."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._registers = powers.registers
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        if attempt == 0:
            self._registers.start_dma("copy", self._buffer, 8)
            while True:
                pass
        try:
            self._buffer[0] = 1
            return SUCCESS
        except RuntimeError:
            return ErrorCode.BUSY
