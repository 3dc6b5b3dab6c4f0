# contained: MemoryError|TimeOut
"""Takes memory in a callback that the victim calls: on the victim's account."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._victim = powers.victim
        self._kept = ()

    def attack(self, number, attempt, second, process):
        self._victim.register(self.more)
        return ErrorCode.BUSY

    def more(self):
        while True:
            self._kept = (self._kept, 1)
