# contained: -
"""Calls fields with what is no number, too often, and with names."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._registers = powers.registers

    def attack(self, number, attempt, second, process):
        field = self._registers.field(0, 0, 4)
        for wrong in (None, "1", (1,), [1], self, field, field.set):
            try:
                field(wrong)
                return SUCCESS
            except TypeError:
                pass
        for step in range(5):
            try:
                self.use(step, field)
                return SUCCESS
            except TypeError:
                pass
        field(1 << 100)
        return ErrorCode.FAIL if field() == 0 else SUCCESS

    def use(self, step, field):
        if step == 0:
            field(1, 2)
        elif step == 1:
            field(written=1)
        elif step == 2:
            field.set(1)
        elif step == 3:
            field.toggle(bits=1)
        else:
            field(1, written=1)
