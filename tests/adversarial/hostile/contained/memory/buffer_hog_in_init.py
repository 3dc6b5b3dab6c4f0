# contained: -
# policy: RESTART
# boots: 3
"""Makes so many buffers in its recipe that there is no memory for the rest of the boot."""

from cells import Buffer


class Attack:
    def __init__(self, powers):
        self._buffer = Buffer(4096)
        self._others = [Buffer(4000) for _ in range(20)]

    def attack(self, number, attempt, second, process):
        return self._buffer[4096]
