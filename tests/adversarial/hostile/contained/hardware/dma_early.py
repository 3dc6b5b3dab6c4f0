# contained: -
"""Takes the buffer back before the hardware says that it has done with it."""

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
        if self._registers.end_dma("copy") is not None:
            return SUCCESS
        try:
            self._registers.write(0xC, 1)
            return SUCCESS
        except ValueError:
            pass
        return SUCCESS if self._registers.end_dma("copy") is not None else ErrorCode.BUSY
