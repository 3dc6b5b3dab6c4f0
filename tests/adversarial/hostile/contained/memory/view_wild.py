# contained: own: b'ownownownownownownownown'
"""Reads and writes a process's buffer at offsets and with lengths that do not exist."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._grant = powers.grant
        self._buffer = powers.buffer

    def attack(self, number, attempt, second, process):
        view = self._grant.enter(process).read_write(0)
        before = len(view)
        for offset in (
            -1,
            -8,
            before,
            before + 1,
            (1 << 30) - 1,
            1 << 30,
            1 << 31,
            (1 << 32) - 1,
            (1 << 32) - 8,
            -(1 << 40) - 1,
        ):
            for length in (-1, 0, 1, 8, (1 << 30) - 1, 1 << 31, (1 << 32) - 1):
                if view.write(offset, self._buffer, 0, length) or view.read(offset, self._buffer, 0, length):
                    return SUCCESS
            try:
                view[offset] = 1
                return SUCCESS
            except (IndexError, TypeError):
                pass
        for index in (-1, -2, 6, 7, 1 << 28, (1 << 30) - 1, 1 << 29, 1 << 30, -(1 << 30), 1 << 31, 1 << 64):
            try:
                if view.write_u32(index, 0x58585858):
                    return SUCCESS
            except Exception:
                pass
        return ErrorCode.FAIL
