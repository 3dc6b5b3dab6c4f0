# contained: capsule attack failed in command
"""Makes the victim's methods fail, for ever: who hands a method in answers for it, and it costs its own time."""

from kernel import call_client


class Attack:
    def __init__(self, powers):
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        while True:
            call_client(self._victim.count_down, None)
