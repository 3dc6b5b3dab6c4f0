# contained: OverflowError
"""Works with the widest numbers that there can be, and with wider ones."""

from kernel import ErrorCode


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        wide = (1 << 255) - 1
        if wide // 3 * 3 != wide - wide % 3 or len(f"{wide}") != 77 or int(f"{wide}") != wide:
            return ErrorCode.BUSY
        square = wide * wide
        if len(f"{square}") != 154 or -square >> 500 != -1024:
            return ErrorCode.ALREADY
        return square + 1
