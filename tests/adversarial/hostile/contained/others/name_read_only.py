# contained: TypeError: the process allowed only reading
"""Has a program's name written to where a process has allowed reading alone."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._processes = powers.processes
        self._grant = powers.grant

    def attack(self, number, attempt, second, process):
        view = self._grant.enter(process).read_only(0)
        self._processes.write_name(0, view)
        return SUCCESS
