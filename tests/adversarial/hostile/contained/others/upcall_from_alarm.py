# contained: attacker: upcalls: [1-9]
"""Sends upcalls to every process that it can find, when its alarm goes off."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._grant = powers.grant
        self._alarm = powers.alarm

    def attack(self, number, attempt, second, process):
        self._grant.enter(process)
        self._alarm.set_client(self.again)
        self._alarm.set_alarm(100)
        return ErrorCode.BUSY

    def again(self):
        for slot in range(self._grant.SLOTS):
            entry = self._grant.entry(slot)
            if entry is not None:
                for i in range(5):
                    entry.schedule_upcall(0, slot, i, i)
