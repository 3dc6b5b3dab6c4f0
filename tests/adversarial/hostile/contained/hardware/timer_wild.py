# contained: -
"""Writes all ones and zeros to whatever it may write."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._registers = powers.registers

    def attack(self, number, attempt, second, process):
        for offset in range(0, 0x1000, 4):
            for bits in (0xFFFFFFFF, 0, 9):
                try:
                    self._registers.write(offset, bits)
                except ValueError:
                    pass
        self._registers.write(0, 0)
        return ErrorCode.FAIL
