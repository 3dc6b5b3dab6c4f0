# contained: TypeError
"""Has a line call what takes other arguments."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._line = powers.line
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        handlers = (self.attack, self._victim.plus, self._victim.command, self._line.enable, self._line.trigger)
        self._line.enable(handlers[attempt])
        self._line.trigger()
        return ErrorCode.BUSY
