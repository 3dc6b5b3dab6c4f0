# contained: -
"""Misleads hardware that counts by words, or always moves 48 bytes: odd lengths, odd beginnings, short buffers."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._registers = powers.registers
        self._buffer = powers.buffer
        self._other = powers.other
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        self._other.window(0, 64)
        for start, end, length in (
            (0, 64, 1),
            (0, 64, 2),
            (0, 64, 63),
            (0, 64, 68),
            (0, 64, 256),
            (0, 64, 1 << 30),
            (0, 64, (1 << 32) - 4),
            (1, 64, 4),
            (2, 64, 60),
            (63, 64, 4),
            (60, 64, 8),
        ):
            if self.starts("move", start, end, length):
                return SUCCESS
        for start, end, length in (
            (0, 64, 0),
            (0, 64, 1),
            (0, 64, 47),
            (0, 64, 49),
            (0, 64, 64),
            (0, 64, 48 + (1 << 31)),
            (0, 47, 48),
            (32, 64, 48),
            (17, 64, 48),
        ):
            if self.starts("window", start, end, length):
                return SUCCESS
        return self.look()

    def starts(self, channel, start, end, length):
        self._buffer.window(start, end)
        try:
            self._registers.start_dma(channel, self._buffer, length)
            return True
        except (ValueError, IndexError):
            self._buffer.window(0, 64)
        return False

    def look(self):
        """What it may move: the register says 16 words, not 64."""
        try:
            self._registers.start_dma("move", self._other, 64)
        except RuntimeError:  # from an earlier attempt
            return ErrorCode.BUSY
        return ErrorCode.FAIL if self._registers.read(4) == 16 else SUCCESS
