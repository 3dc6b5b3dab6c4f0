# contained: register 0xfc0 of time is protected
"""Writes to a protected register and to those of DMA."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._registers = powers.registers

    def attack(self, number, attempt, second, process):
        for offset in (0x8, 0x4, 0xC, 0xFC0):
            try:
                self._registers.write(offset, 0x20000000)
                return SUCCESS
            except ValueError:
                pass
        self._registers.write(0xFC0, 0)
        return SUCCESS
