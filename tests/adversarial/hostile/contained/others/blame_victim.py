# contained: capsule attack failed in command[\s\S]*TypeError
"""Calls a method that the victim has made and shows, without arguments, as if the victim had handed it in."""

from kernel import ErrorCode, call_client


class Attack:
    def __init__(self, powers):
        self._shown = powers.victim.shown

    def attack(self, number, attempt, second, process):
        call_client(self._shown)
        return ErrorCode.FAIL
