# contained: RuntimeError
"""Calls itself for ever with as many parameters and locals as there may be."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        return self.wide(1, 2, 3, 4, 5, 6, 7)

    def wide(self, a, b, c, d, e, f, g):
        h, i, j, k = a, b, c, d
        x, y, z = (a, b, c, d, e, f, g), [h, i, j, k], "%d %d" % (a, b)
        return self.wide(b, c, d, e, f, g, len(x) + len(y) + len(z))
