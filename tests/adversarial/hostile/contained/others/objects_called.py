# contained: TypeError
"""Calls, indexes, adds and iterates over objects of the core."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        powers = (
            self._powers.grant,
            self._powers.registers,
            self._powers.line,
            self._powers.buffer,
            process,
            SUCCESS,
            self._powers.processes,
        )
        won = 0
        for power in powers:
            for step in range(7):
                try:
                    self.use(step, power)
                    won += 1
                except (TypeError, IndexError, ValueError, RuntimeError, MemoryError, OSError, NotImplementedError):
                    pass
                except Exception:
                    pass
        if won > 8:
            return SUCCESS
        return process(1)

    def use(self, step, power):
        if step == 0:
            return power()
        if step == 1:
            return power + 1
        if step == 2:
            return power["name"]
        if step == 3:
            power["name"] = 1
        elif step == 4:
            return -power
        elif step == 5:
            return power < power
        else:
            first, second = power
            return first
