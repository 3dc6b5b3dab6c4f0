# contained: MemoryError
"""An f-string holds itself twice, for ever."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        text = "x"
        while True:
            text = f"{text}{text}"
