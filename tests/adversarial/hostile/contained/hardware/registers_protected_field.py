# contained: the register is protected
"""Writes to protected registers through fields."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._registers = powers.registers

    def attack(self, number, attempt, second, process):
        for offset in (0x8, 0x4, 0xC, 0xFC0):
            for width in (1, 8, 31, 32):
                field = self._registers.field(offset, 0, width)
                for step in range(5):
                    try:
                        self.use(step, field)
                        return SUCCESS
                    except ValueError:
                        pass
        self._registers.field(0x8, 0, 32)(0x20000000)
        return SUCCESS

    def use(self, step, field):
        if step == 0:
            field(1)
        elif step == 1:
            field.set()
        elif step == 2:
            field.clear()
        elif step == 3:
            field.toggle()
        else:
            field(True)
