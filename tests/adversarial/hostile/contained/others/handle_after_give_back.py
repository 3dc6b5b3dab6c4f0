# contained: the buffer was passed on
"""Keeps the handle of the victim's buffer after it has given it back."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        lent = self._victim.lend(self)
        self._victim.give_back(lent)
        for step in range(5):
            try:
                self.use(step, lent)
                return SUCCESS
            except RuntimeError:
                pass
        return lent[0]

    def use(self, step, lent):
        if step == 0:
            lent[0] = 1
        elif step == 1:
            return len(lent)
        elif step == 2:
            return lent.give_back()
        elif step == 3:
            return lent.move(self)
        else:
            return self._other.copy(0, lent, 0, 8)
