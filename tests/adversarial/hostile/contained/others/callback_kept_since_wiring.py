# contained: capsule attack failed in (a callback[\s\S]*ValueError|command[\s\S]*TypeError: a method kept since wiring)
"""Hands in a method that it has kept since it was made: in a wired kernel it lies in flash, and to copy it would take memory."""

from kernel import ErrorCode, call_client


class Attack:
    def __init__(self, powers):
        self._alarm = powers.alarm
        self._victim = powers.victim
        self._kept = self._fired

    def attack(self, number, attempt, second, process):
        self._alarm.set_client(self._kept)
        self._alarm.set_alarm(1)
        self._victim.register(self._kept)
        call_client(self._kept)
        return ErrorCode.FAIL

    def _fired(self):
        raise ValueError("blame whoever has called this")
