# contained: life 1, attempt 0: FAIL[\s\S]*life 1, attempt 4
"""Keeps its record of a process and restarts that, in the middle of its command."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._grant = powers.grant
        self._processes = powers.processes
        self._kept = None
        self._view = None

    def attack(self, number, attempt, second, process):
        if self._kept is None:
            self._kept = self._grant.enter(process)
            self._view = self._kept.read_write(0)
            self._kept[0] = 0x1234
            self._processes.restart(process.slot)
            return ErrorCode.BUSY
        if self._kept.alive() or len(self._view) > 0:
            return SUCCESS
        for step in range(7):
            try:
                self.use(step)
                return SUCCESS
            except (RuntimeError, IndexError):
                pass
        return SUCCESS if self._grant.enter(process)[0] == 0x1234 else ErrorCode.FAIL

    def use(self, step):
        if step == 0:
            self._kept[0] = 1
        elif step == 1:
            return self._kept[0]
        elif step == 2:
            self._kept.schedule_upcall(0, 1, 2, 3)
        elif step == 3:
            return self._view[0]
        elif step == 4:
            self._view[0] = 1
        elif step == 5:
            return self._kept.read_only(0)[0]
        else:
            return self._kept.readable(0)[0]
