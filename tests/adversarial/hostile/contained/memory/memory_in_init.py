# contained: MemoryError|TimeOut
"""Takes all memory where the board makes it, and lives with it."""


class Attack:
    def __init__(self, powers):
        self._kept = ()
        try:
            while True:
                self._kept = (self._kept, [0, 1, 2, 3])
        except MemoryError:
            pass

    def attack(self, number, attempt, second, process):
        while True:
            self._kept = (self._kept, attempt)
