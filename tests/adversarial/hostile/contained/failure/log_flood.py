# contained: kernel: \d+ lines of messages lost
"""Floods the log: what others say must come through afterwards."""

from kernel import log


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        while True:
            log("the attack floods the log, and floods it, and floods it again")
