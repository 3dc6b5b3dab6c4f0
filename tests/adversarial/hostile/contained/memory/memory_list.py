# contained: MemoryError
"""Makes a list longer for ever."""


class Attack:
    def __init__(self, powers):
        self._list = []

    def attack(self, number, attempt, second, process):
        while True:
            self._list.append(attempt)
