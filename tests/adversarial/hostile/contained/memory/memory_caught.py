# contained: TimeOut
"""Takes all memory that it gets, and when there is none, tries again."""


class Attack:
    def __init__(self, powers):
        self._kept = ()

    def attack(self, number, attempt, second, process):
        while True:
            try:
                self._kept = (self._kept, attempt)
            except MemoryError:
                pass
