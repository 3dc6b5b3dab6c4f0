# contained: TimeOut
"""Loops for ever, and catches all that can be caught."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        while True:
            try:
                while True:
                    try:
                        self.nothing()
                    except Exception:
                        pass
            except Exception:
                pass

    def nothing(self):
        pass
