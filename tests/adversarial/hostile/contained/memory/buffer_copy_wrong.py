# contained: TypeError
"""Copies from what is no buffer."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim
        self._grant = powers.grant

    def attack(self, number, attempt, second, process):
        view = self._grant.enter(process).read_write(0)
        for wrong in (None, 0, "0123456789", (1, 2), [1, 2], self, view, process, self._buffer.copy):
            try:
                self._buffer.copy(0, wrong, 0, 8)
                return SUCCESS
            except TypeError:
                pass
        for wrong in (None, 0, "0123456789", b"0123456789", [1], self, view, process):
            for step in range(2):
                try:
                    self.use(step, view, wrong)
                    return SUCCESS
                except TypeError:
                    pass
        return self._buffer.copy(0, view, 0, 8)

    def use(self, step, view, wrong):
        if step:
            return view.read(0, wrong, 0, 8)
        return view.write(0, wrong, 0, 8)
