# contained: TimeOut
"""Uses its whole budget at each call, and waits in a handler for what comes then."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        try:
            while True:
                pass
        except Exception:
            return SUCCESS
        return SUCCESS
