# contained: IndexError
"""Copies from and to places that are in no buffer."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        source = b"0123456789"
        for wrong in (-1, 65, 1 << 16, (1 << 30) - 1, -(1 << 30), 1 << 30, 1 << 31, (1 << 32) - 1, 1 << 64):
            for length in (0, 1, -1, 1 << 31):
                for step in range(4):
                    try:
                        if self.copy(step, source, wrong, length):
                            return SUCCESS
                    except Exception:
                        pass
        if self._buffer.copy(60, source, 0, -1) != 4 or self._buffer.copy(0, source, 10, 5) != 0:
            return SUCCESS
        return self._buffer.copy(0, source, 11, 1)

    def copy(self, step, source, wrong, length):
        if step == 0:
            return self._buffer.copy(wrong, source, 0, length)
        if step == 1:
            return self._buffer.copy(0, source, wrong, length)
        if step == 2:
            return self._buffer.copy(0, self._other, wrong, length)
        return self._buffer.copy(wrong, self._buffer, 0, length)
