# contained: -
"""Reads and writes fields of its record that do not exist."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._grant = powers.grant
        self._seen = 0

    def attack(self, number, attempt, second, process):
        entry = self._grant.enter(process)
        entry[0] = (1 << 70) + attempt
        if entry[0] != attempt:
            return SUCCESS
        for field in (
            -1,
            -2,
            2,
            3,
            255,
            256,
            1 << 16,
            (1 << 30) - 1,
            -(1 << 30),
            1 << 30,
            1 << 31,
            1 << 32,
            1 << 64,
            None,
            "0",
            (0,),
        ):
            try:
                self._seen = entry[field]
                return SUCCESS
            except Exception:
                pass
            try:
                entry[field] = 0xFFFFFFFF
                return SUCCESS
            except Exception:
                pass
        for wrong in (None, "0", (0,), self):
            try:
                entry[0] = wrong
                return SUCCESS
            except TypeError:
                pass
        return ErrorCode.FAIL
