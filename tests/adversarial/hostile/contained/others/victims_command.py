# contained: -
"""Serves the victim's commands in the name of the process that calls it."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        self._victim.command(4, 0, 0, process)
        for wrong in (None, 0, "process", self, (process,)):
            try:
                self._victim.command(3, 0, 0, wrong)
                return SUCCESS
            except TypeError:
                pass
        return ErrorCode.FAIL
