# contained: hardware is using the buffer
# policy: RESTART
"""Fails while the hardware has its buffer, is made again, and uses that."""


class Attack:
    def __init__(self, powers):
        self._registers = powers.registers
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        self._registers.start_dma("copy", self._buffer, 8)
        return self._buffer[0]
