# contained: the buffer was passed on
"""Hands a buffer to the hardware that is lent to somebody else."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._registers = powers.registers
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        lent = self._buffer.move(self._victim)
        try:
            self._registers.start_dma("copy", self._buffer, 8)
            return SUCCESS
        except RuntimeError:
            lent.give_back()
        try:
            self._registers.start_dma("copy", lent, 8)
            return SUCCESS
        except RuntimeError:
            lent = self._buffer.move(self._victim)
        try:
            self._registers.start_dma("copy", self._buffer, 8)
            return SUCCESS
        except RuntimeError as error:
            lent.give_back()
            raise error
