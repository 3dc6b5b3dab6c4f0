# contained: attempt 4: NODEVICE
# policy: DISABLE
"""Is switched off while its alarm is set: the alarm must not keep the clock from the others."""


class Attack:
    def __init__(self, powers):
        self._alarm = powers.alarm

    def attack(self, number, attempt, second, process):
        self._alarm.set_client(self.again)
        self._alarm.set_alarm(500)
        raise ValueError("off")

    def again(self):
        self._alarm.set_alarm(500)
