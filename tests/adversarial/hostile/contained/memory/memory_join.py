# contained: MemoryError
"""Joins a long text with long texts."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        parts = ["aaaaaaaaaaaaaaaa" for _ in range(16)]
        while True:
            parts = ["".join(parts).join(parts) for _ in range(16)]
