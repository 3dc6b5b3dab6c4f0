# contained: -
# policy: RESTART
"""Makes buffers in its recipe, and fails, so that it is made again and again."""

from cells import Buffer


class Attack:
    def __init__(self, powers):
        self._buffer = Buffer(4096)
        self._others = [Buffer(4000) for _ in range(2)]

    def attack(self, number, attempt, second, process):
        return self._buffer[4096]
