# contained: a Buffer is needed
"""Hands to the hardware what is no buffer."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._registers = powers.registers
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim
        self._grant = powers.grant

    def attack(self, number, attempt, second, process):
        entry = self._grant.enter(process)
        for wrong in (
            None,
            0,
            0x20000000,
            "text of the attack",
            b"bytes",
            (1, 2),
            [1, 2],
            self,
            entry,
            entry.read_write(0),
            self._registers,
            process,
        ):
            try:
                self._registers.start_dma("copy", wrong, 1)
                return SUCCESS
            except TypeError:
                pass
        self._registers.start_dma("copy", entry.read_write(0), 8)
        return SUCCESS
