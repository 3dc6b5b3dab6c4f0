# contained: TimeOut
"""Makes the victim's methods fail, for ever: what others waste is not its own time."""

from kernel import call_client


class Attack:
    def __init__(self, powers):
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        while True:
            call_client(self._victim.count_down, None)
