# contained: -
"""Goes as deep as it can, and does there what C does with its own stack: joins, formats, large numbers, DMA."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        return self.deep()

    def deep(self):
        try:
            return self.deep()
        except RuntimeError:
            for i in range(6):
                try:
                    self.heavy(i)
                except Exception:
                    pass
            return 0

    def heavy(self, i):
        if i == 0:
            return "-".join(["%d" % 1234567890123, f"{self._powers.buffer}"])
        if i == 1:
            return (1 << 900) // 12345678901234567890
        if i == 2:
            return self._powers.registers.read(0x2000)
        if i == 3:
            return self._powers.grant.enter(None)
        if i == 4:
            return self._powers.victim.fill(self._powers.buffer)
        return min(self._powers.buffer[0], 1 << 70, 3)
