# contained: attempt 3: INVAL
"""Keeps a view, and uses it when the process has taken its buffer back."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._grant = powers.grant
        self._buffer = powers.buffer
        self._view = None

    def attack(self, number, attempt, second, process):
        if self._view is None:
            self._view = self._grant.enter(process).read_write(0)
        if attempt < 3:
            return ErrorCode.BUSY
        if (
            len(self._view)
            or self._view.read(0, self._buffer, 0, 8)
            or self._view.write(0, self._buffer, 0, 8)
            or self._view.write_u32(0, 1)
        ):
            return SUCCESS
        try:
            self._view[0] = 1
            return SUCCESS
        except IndexError:
            return ErrorCode.INVAL
