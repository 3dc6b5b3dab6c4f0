# contained: MemoryError
"""Makes a tuple longer for ever."""


class Attack:
    def __init__(self, powers):
        self._tuple = ()

    def attack(self, number, attempt, second, process):
        while True:
            self._tuple += (attempt,)
