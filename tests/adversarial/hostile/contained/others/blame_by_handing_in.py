# contained: 5 of 5 refused
"""Hands in as callbacks what others have made: a method, a function of a field, a plain function, and what is none."""

from kernel import ErrorCode, log, log_number


def nobodys():
    raise ValueError("nobody's")


class Attack:
    def __init__(self, powers):
        self._alarm = powers.alarm
        self._victim = powers.victim
        self._wrong = (powers.victim.shown, powers.alarm.now, nobodys, 5, None)

    def attack(self, number, attempt, second, process):
        refused = 0
        for one in self._wrong:
            try:
                self._alarm.set_client(one)
                self._alarm.set_alarm(1)
            except TypeError:
                refused += 1
        log_number("", refused, 1)
        log(" of 5 refused")
        return ErrorCode.FAIL
