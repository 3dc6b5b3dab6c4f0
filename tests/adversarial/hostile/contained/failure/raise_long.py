# contained: ValueError: xxxx
"""Raises an exception with a text as long as it can make."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        text = "x"
        try:
            while True:
                text += text
        except MemoryError:
            raise ValueError(text)
