# contained: TimeOut|MemoryError
"""Makes layouts, which only a board needs, for ever."""

from kernel import Layout


class Attack:
    def __init__(self, powers):
        self._kept = ()

    def attack(self, number, attempt, second, process):
        while True:
            self._kept = (self._kept, Layout(upcalls=32))
