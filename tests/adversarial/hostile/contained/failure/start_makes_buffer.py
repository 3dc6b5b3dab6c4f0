# contained: the kernel is sealed[\s\S]*capsule attack is off
"""Makes a buffer when it is started, which only a recipe may."""

from cells import Buffer


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def start(self):
        self._buffer = Buffer(16)

    def attack(self, number, attempt, second, process):
        return 0
