# contained: TimeOut
"""Loops for ever over what the interpreter does in C: joining, copying, searching."""


class Attack:
    def __init__(self, powers):
        self._words = ["aaaaaaaa" for _ in range(40)]

    def attack(self, number, attempt, second, process):
        while True:
            joined = "".join(self._words)
            joined.find("b")
            joined.replace("aa", "a")
            self._words.copy()
