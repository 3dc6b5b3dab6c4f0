# contained: -
"""Hands the buffer that the victim lends to the hardware, and never gives it back."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._registers = powers.registers
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        if attempt == 0:
            lent = self._victim.lend(self)
            if lent is None:
                return SUCCESS
            self._registers.start_dma("copy", lent, 32)
            try:
                self._victim.give_back(lent)
                return SUCCESS
            except RuntimeError:
                return ErrorCode.BUSY
        return ErrorCode.BUSY if self._victim.lend(self) is None else SUCCESS
