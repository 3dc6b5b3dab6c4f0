# contained: MemoryError|TimeOut
"""Keeps lists that grow, each where it lies or in another place, and throws the old ones away."""


class Attack:
    def __init__(self, powers):
        self._kept = []

    def attack(self, number, attempt, second, process):
        while True:
            one = [attempt]
            self._kept.append(one)
            for list in self._kept:
                list.append(self.attack)
