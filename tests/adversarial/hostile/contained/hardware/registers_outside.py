# contained: -
"""Reads and writes registers outside its peripheral's block."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._registers = powers.registers

    def attack(self, number, attempt, second, process):
        for offset in (
            0x1000,
            0x1004,
            0x2000,
            0x3000,
            -4,
            -0x1000,
            0x10000000,
            (1 << 30) - 4,
            1 << 30,
            1 << 31,
            (1 << 32) - 4,
            1 << 32,
            1 << 64,
        ):
            for step in range(3):
                try:
                    self.use(step, offset)
                    return SUCCESS
                except Exception:
                    pass
        return ErrorCode.FAIL

    def use(self, step, offset):
        if step == 0:
            return self._registers.read(offset)
        if step == 1:
            return self._registers.write(offset, 0)
        return self._registers.field(offset, 0, 1)
