# contained: two transfers are under way|hardware is using
"""Starts a third transfer, and the same one twice."""

from cells import Buffer
from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._registers = powers.registers
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim
        self._third = Buffer(16)

    def attack(self, number, attempt, second, process):
        if attempt == 0:
            self._registers.start_dma("copy", self._buffer, 8)
            self._registers.start_dma("copy", self._other, 8)
            return ErrorCode.BUSY
        self._registers.start_dma("copy", self._third, 8)
        return SUCCESS
