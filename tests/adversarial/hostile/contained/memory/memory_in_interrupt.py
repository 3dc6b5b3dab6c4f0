# contained: MemoryError|TimeOut
"""Takes some memory in each interrupt, and triggers the next."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._line = powers.line
        self._kept = ()

    def attack(self, number, attempt, second, process):
        self._line.enable(self.more)
        self._line.trigger()
        return ErrorCode.BUSY

    def more(self):
        for i in range(200):
            self._kept = (self._kept, i)
        self._line.trigger()
