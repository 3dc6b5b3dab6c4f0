# contained: life [1-9]
"""Restarts the process whose command it serves, then answers it with two numbers."""

from kernel import ErrorCode, success_u32_u32


class Attack:
    def __init__(self, powers):
        self._processes = powers.processes
        self._kept = None

    def attack(self, number, attempt, second, process):
        if self._kept is not None:
            return ErrorCode.FAIL
        self._kept = process
        self._processes.restart(process.slot)
        return success_u32_u32(1, 2)
