# contained: the buffer was passed on
"""Uses a buffer that it has lent."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        lent = self._buffer.move(self._victim)
        for step in range(5):
            try:
                self.use(step)
                return SUCCESS
            except RuntimeError:
                pass
        lent.give_back()
        lent[0] = 1
        return SUCCESS

    def use(self, step):
        if step == 0:
            self._buffer[0] = 1
        elif step == 1:
            return len(self._buffer)
        elif step == 2:
            return self._buffer.give_back()
        elif step == 3:
            return self._buffer.move(self)
        else:
            self._buffer.window(0, 1)
