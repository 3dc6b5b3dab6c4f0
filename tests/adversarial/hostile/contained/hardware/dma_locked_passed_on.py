# contained: hardware is using the buffer
"""Lends and gives back a buffer while the hardware has it."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._registers = powers.registers
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim
        self._lent = None

    def attack(self, number, attempt, second, process):
        if attempt == 0:
            self._lent = self._buffer.move(self)
            self._registers.start_dma("copy", self._lent, 8)
        for step in range(4):
            try:
                self.use(step)
                return SUCCESS
            except RuntimeError:
                pass
        self._lent.give_back()
        return SUCCESS

    def use(self, step):
        if step == 0:
            return self._lent.move(self._victim)
        if step == 1:
            return self._lent.give_back()
        if step == 2:
            return self._buffer.move(self)
        return self._buffer.give_back()
