# contained: MemoryError|TimeOut
"""Makes strings of one character, each of which MicroPython keeps for ever in a table of all."""


class Attack:
    def __init__(self, powers):
        self._last = ""

    def attack(self, number, attempt, second, process):
        code = 128
        while True:
            self._last = chr(code)
            code += 1
