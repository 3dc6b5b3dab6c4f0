# contained: -
"""Makes fields that lie not within a register."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._registers = powers.registers
        self._kept = None

    def attack(self, number, attempt, second, process):
        for shift in (-1, 0, 1, 31, 32, 33, 1 << 30, 1 << 31, 1 << 32, -(1 << 30)):
            for width in (-1, 0, 2, 32, 33, 64, 1 << 30, 1 << 31, 1 << 32):
                if 0 <= shift and 1 <= width and shift + width <= 32:
                    continue
                try:
                    self._kept = self._registers.field(0, shift, width)
                    return SUCCESS
                except Exception:
                    pass
        return ErrorCode.FAIL
