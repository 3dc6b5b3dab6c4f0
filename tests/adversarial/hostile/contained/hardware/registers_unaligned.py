# contained: -
"""Reads and writes at addresses that are in the middle of a register."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._registers = powers.registers

    def attack(self, number, attempt, second, process):
        for offset in (1, 2, 3, 5, 6, 7, 0xFFD, 0xFFE, 0xFFF, -1, -2, -3):
            for step in range(3):
                try:
                    self.use(step, offset)
                    return SUCCESS
                except ValueError:
                    pass
        return ErrorCode.FAIL

    def use(self, step, offset):
        if step == 0:
            return self._registers.read(offset)
        if step == 1:
            return self._registers.write(offset, 0)
        return self._registers.field(offset, 0, 1)
