# contained: attacker: upcalls: [1-9]
"""Floods a process with upcalls: it must go on, and others too."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._grant = powers.grant

    def attack(self, number, attempt, second, process):
        entry = self._grant.enter(process)
        done = 0
        for i in range(3000):
            if entry.schedule_upcall(i & 1, i, i, i):
                done += 1
        return SUCCESS if done > 10 else ErrorCode.BUSY
