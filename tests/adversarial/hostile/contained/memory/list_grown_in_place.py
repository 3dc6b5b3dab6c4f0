# contained: -
"""Lists that grow where they are, if nobody counts that until garbage is collected: they would take what others need."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._kept = None
        self._base = [None for _ in range(64)]

    def attack(self, number, attempt, second, process):
        self._kept = None
        base = self._base
        try:
            for _ in range(40 + 40 * int(attempt)):  # so many that the heap is not yet full
                one = base.copy()
                one.append(self._kept)
                self._kept = one
            while True:
                self._kept = (self._kept,)
        except MemoryError:
            pass
        return ErrorCode.FAIL
