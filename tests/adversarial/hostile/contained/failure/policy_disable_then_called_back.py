# contained: capsule attack is off
# never: it runs on
# policy: DISABLE
"""Others keep what it has handed in before it was switched off: an alarm's callback, the victim's, a line's handler."""

from kernel import ErrorCode, log


class Attack:
    def __init__(self, powers):
        self._alarm = powers.alarm
        self._alarm.set_client(self._on)
        self._line = powers.line
        self._line.enable(self._on)
        powers.victim.register(self._on)

    def _on(self):
        log("it runs on")

    def attack(self, number, attempt, second, process):
        self._alarm.set_alarm(1)
        self._line.trigger()
        raise ValueError("switch me off")
