# contained: TimeOut
"""Loops for ever where an exception is handled, and raises more of them."""


class Attack:
    def __init__(self, powers):
        self._list = [0]

    def attack(self, number, attempt, second, process):
        while True:
            try:
                self._list[9] = 1
            except IndexError:
                while True:
                    try:
                        raise ValueError(self)
                    except Exception as error:
                        self._list[0] = error
