# contained: -
"""Copies between a process and its buffer, beyond the buffer's end."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._grant = powers.grant
        self._buffer = powers.buffer

    def attack(self, number, attempt, second, process):
        view = self._grant.enter(process).read_write(0)
        for start in (-1, 65, 1 << 16, (1 << 30) - 1, 1 << 30, 1 << 31, (1 << 32) - 1, 1 << 64):
            for length in (1, 8, -1, 1 << 31):
                try:
                    if view.write(0, self._buffer, start, length):
                        return SUCCESS
                except Exception:
                    pass
                try:
                    if view.read(0, self._buffer, start, length):
                        return SUCCESS
                except Exception:
                    pass
        if view.read(0, self._buffer, 64, -1) or view.read(0, self._buffer, 60, -1) > 4:
            return SUCCESS
        return ErrorCode.FAIL
