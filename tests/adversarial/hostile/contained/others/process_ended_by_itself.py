# contained: life [1-9]
"""Faults, stops, resumes and restarts the process whose command it serves."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._processes = powers.processes

    def attack(self, number, attempt, second, process):
        if attempt == 0 and process.number < 20:
            self._processes.stop(process.slot)
            self._processes.resume(process.slot)
            self._processes.fault(process.slot)
            self._processes.stop(process.slot)
            self._processes.restart(process.slot)
            self._processes.restart(process.slot)
            self._processes.resume(process.slot)
        return ErrorCode.FAIL
