# contained: has no DMA channel
"""Starts transfers on channels that do not exist."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._registers = powers.registers
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        for channel in (
            "",
            "copy2",
            "pointer",
            "a channel that has a long name",
            "victim",
            0,
            None,
            ("copy",),
            b"copies",
            self,
        ):
            for step in range(2):
                try:
                    self.use(step, channel)
                    return SUCCESS
                except (ValueError, TypeError):
                    pass
        self._registers.end_dma("time")
        return SUCCESS

    def use(self, step, channel):
        if step:
            return self._registers.end_dma(channel)
        return self._registers.start_dma(channel, self._buffer, 8)
