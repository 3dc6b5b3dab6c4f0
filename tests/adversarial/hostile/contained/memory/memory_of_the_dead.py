# contained: -
"""Keeps the records and views of processes that have ended, which nobody has paid for, and ends some more.

Command 2 ends the process that asks; a test of its own does that again and again.
"""

from kernel import SUCCESS, ErrorCode

FAR_TOO_MANY = 150


class Attack:
    def __init__(self, powers):
        self._grant = powers.grant
        self._processes = powers.processes
        self._kept = [None for _ in range(100)]
        self._more = [None for _ in range(100)]
        self._count = 0

    def attack(self, number, attempt, second, process):
        if number != 2:
            return ErrorCode.FAIL
        if self._count == FAR_TOO_MANY:
            return SUCCESS
        entry = self._grant.enter(process)
        entry.read_write(0)
        entry.read_only(0)
        entry.readable(0)
        if self._count < 100:
            self._kept[self._count] = entry
        else:
            self._more[self._count - 100] = entry
        self._count += 1
        self._processes.restart(process.slot)
        return ErrorCode.FAIL
