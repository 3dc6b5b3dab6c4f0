# contained: RuntimeError
"""Has the victim call back, and calls the victim, for ever."""


class Attack:
    def __init__(self, powers):
        self._victim = powers.victim
        self._process = None

    def attack(self, number, attempt, second, process):
        self._victim.register(self.again)
        return self.again()

    def again(self):
        return self._victim.look(self.look)

    def look(self, pair):
        self._victim.register(self.again)
        return self._victim.command(5, 0, 0, self._process)
