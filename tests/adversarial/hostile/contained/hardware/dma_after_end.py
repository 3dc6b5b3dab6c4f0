# contained: -
"""Has its buffer back, and looks whether the hardware still knows how much of it to move."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._registers = powers.registers
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        self._registers.start_dma("copy", self._buffer, 8)
        self._registers.write(0, 9)  # the timer runs: that its count is down is the end
        for _ in range(10000):
            if self._registers.read(0xC):
                self._registers.write(0, 0)
                if self._registers.end_dma("copy") is None:
                    return SUCCESS
                return ErrorCode.FAIL if self._registers.read(4) == 0 else SUCCESS
        return SUCCESS
