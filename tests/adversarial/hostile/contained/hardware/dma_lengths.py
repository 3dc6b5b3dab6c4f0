# contained: -
"""Starts transfers of lengths that the buffer does not have."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._registers = powers.registers
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        self._buffer.window(8, 16)
        for length in (
            0,
            -1,
            -8,
            9,
            64,
            65,
            4096,
            1 << 16,
            1 << 30,
            1 << 31,
            (1 << 32) - 1,
            1 << 32,
            None,
            "8",
            1 << 64,
        ):
            try:
                self._registers.start_dma("copy", self._buffer, length)
                return SUCCESS
            except Exception:
                pass
        return ErrorCode.FAIL
