# contained: -
"""Goes as deep as it can, and has something long printed there."""

from kernel import log, log_u32


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        self.deep(0)
        return 0

    def deep(self, n):
        try:
            self.deep(n + 1)
        except RuntimeError:
            if n & 7 == 0:
                log("%d %x %s %08x %s %d" % (n, n, "deep", n, "deeper", n))
                log_u32("deepest ", n, n)
