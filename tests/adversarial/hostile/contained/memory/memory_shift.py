# contained: OverflowError
"""Shifts by more bits than there is memory, and by less than none."""


class Attack:
    def __init__(self, powers):
        self._kept = []

    def attack(self, number, attempt, second, process):
        huge = 1 << 60
        for bits in (1 << 12, 1 << 20, 1 << 29, 1 << 30, 1 << 31, 1 << 62):
            try:
                self._kept.append(1 << bits)
            except (MemoryError, ValueError, RuntimeError, TypeError):
                pass
        try:
            self._kept.append(1 << -attempt - 1)
        except ValueError:
            pass
        try:
            self._kept.append(1 << huge)
        except Exception:
            pass
        raise MemoryError(len(self._kept))
