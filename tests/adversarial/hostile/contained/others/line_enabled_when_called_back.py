# contained: capsule attack failed in the handler of interrupt[\s\S]*ValueError
"""Has its line enabled when another capsule's code calls it back, by a handler that it has kept since it was made."""

from kernel import ErrorCode, call_client


class Attack:
    def __init__(self, powers):
        self._line = powers.line
        self._alarm = powers.alarm
        self._victim = powers.victim
        self._handler = self._raises

    def attack(self, number, attempt, second, process):
        self._alarm.set_client(self._fired)
        self._alarm.set_alarm(1)
        self._victim.register(self._fired)
        call_client(self._fired)
        return ErrorCode.FAIL

    def _fired(self):
        self._line.enable(self._handler)
        self._line.trigger()

    def _raises(self):
        raise ValueError("blame whoever has called this back")
