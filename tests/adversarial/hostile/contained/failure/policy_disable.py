# contained: capsule attack is off[\s\S]*attempt 1: NODEVICE
# policy: DISABLE
"""Fails once; the policy is that it is switched off, and its lines with it."""

from kernel import log


class Attack:
    def __init__(self, powers):
        self._line = powers.line

    def attack(self, number, attempt, second, process):
        self._line.enable(self.again)
        self._line.trigger()
        raise ValueError("once")

    def again(self):
        log("panicked: the line is not silent")
        self._line.trigger()
