# contained: IndexError
"""Opens a window of a buffer wider than it was given."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        lent = self._victim.lend(self)
        lent.window(8, 16)
        further = lent.move(1)
        won = len(further) != 8
        for start, end in (
            (0, 9),
            (-1, 8),
            (-8, 8),
            (8, 0),
            (0, 24),
            (1 << 30, 8),
            (0, 1 << 31),
            (-(1 << 31), 8),
            (8, 9),
            (0, 1 << 64),
        ):
            try:
                further.window(start, end)
                won = True
            except Exception:
                pass
        further.window(8, 8)
        if len(further) != 0:
            won = True
        further.give_back().window(0, 32)
        self._victim.give_back(lent)
        if won:
            return SUCCESS
        self._buffer.window(0, 65)
        return SUCCESS
