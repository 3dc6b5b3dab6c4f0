# contained: -
"""Asks for buffers that its layout does not have."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._grant = powers.grant
        self._view = None

    def attack(self, number, attempt, second, process):
        entry = self._grant.enter(process)
        for number in (-1, 1, 2, 255, 1 << 16, (1 << 30) - 1, 1 << 30, 1 << 31, 1 << 32, 1 << 64, None, "0", self):
            for kind in (entry.read_write, entry.read_only, entry.readable):
                try:
                    self._view = kind(number)
                    return SUCCESS
                except Exception:
                    pass
        return ErrorCode.FAIL
