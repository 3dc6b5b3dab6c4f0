# contained: passed to too many
"""Lends a buffer to ever new borrowers, each of which costs memory that is never freed."""


class Attack:
    def __init__(self, powers):
        self._buffer = powers.buffer

    def attack(self, number, attempt, second, process):
        while True:
            self._buffer.move([0]).give_back()
