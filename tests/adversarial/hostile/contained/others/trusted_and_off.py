# contained: capsule attack is off
# never: it runs on
# policy: DISABLE
"""The victim calls what it shares, after it was switched off: the victim's call fails, and nobody is blamed."""

from kernel import ErrorCode, log, shared


class Attack:
    def __init__(self, powers):
        powers.victim.trust(shared(self._work))

    def _work(self):
        log("it runs on")

    def attack(self, number, attempt, second, process):
        raise ValueError("switch me off")
