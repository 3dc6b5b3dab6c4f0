# contained: MemoryError
"""Replaces each letter of a text by a text: C makes the long result."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        text = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        while True:
            text = text.replace("a", text)
