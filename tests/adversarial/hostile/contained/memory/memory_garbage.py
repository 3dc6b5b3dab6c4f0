# contained: TimeOut
"""Makes garbage for ever: the kernel collects it all the time."""


class Attack:
    def __init__(self, powers):
        self._kept = []

    def attack(self, number, attempt, second, process):
        while True:
            self._kept = [attempt, "%d" % attempt, (attempt,)]
