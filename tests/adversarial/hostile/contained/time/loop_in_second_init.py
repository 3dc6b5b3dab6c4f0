# contained: its recipe, try 2[\s\S]*TimeOut
# policy: RESTART
"""Fails, so that it is made again, and then loops for ever in its recipe."""


class Attack:
    def __init__(self, powers):
        if powers.buffer[0]:
            while True:
                pass
        powers.buffer[0] = 1
        self._list = []

    def attack(self, number, attempt, second, process):
        return self._list[1]
