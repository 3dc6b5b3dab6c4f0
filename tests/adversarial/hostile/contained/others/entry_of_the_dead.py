# contained: life 1
"""Uses the record and the buffers of a process that it has just ended, still in its command."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._grant = powers.grant
        self._processes = powers.processes
        self._buffer = powers.buffer
        self._tried = False
        self._won = False

    def attack(self, number, attempt, second, process):
        entry = self._grant.enter(process)
        view = entry.read_write(0)
        if self._tried:
            return SUCCESS if self._won else ErrorCode.FAIL
        self._tried = True
        self._processes.restart(process.slot)
        if self._grant.enter(process) is not None or entry.alive() or view.read(0, self._buffer, 0, 8) > 0:
            self._won = True
        if view.write(0, self._buffer, 0, 8) > 0 or view.write_u32(0, 1):
            self._won = True
        return ErrorCode.FAIL
