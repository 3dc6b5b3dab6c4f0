# contained: TimeOut
"""Loops for ever with what the victim's cell holds."""


class Attack:
    def __init__(self, powers):
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        return self._victim.look(self.endless)

    def endless(self, taken):
        while True:
            pass
