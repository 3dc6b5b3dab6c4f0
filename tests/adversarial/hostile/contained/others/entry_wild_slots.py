# contained: -
"""Looks for records in slots that do not exist, and in those of processes that it never saw."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._grant = powers.grant

    def attack(self, number, attempt, second, process):
        own = self._grant.enter(process)
        for slot in (
            -1,
            -2,
            6,
            7,
            255,
            256,
            1 << 16,
            (1 << 30) - 1,
            1 << 30,
            1 << 31,
            (1 << 32) - 1,
            1 << 32,
            1 << 64,
            None,
            "0",
            self,
        ):
            try:
                if self._grant.entry(slot) is not None:
                    return SUCCESS
            except Exception:
                pass
        for slot in range(self._grant.SLOTS):
            entry = self._grant.entry(slot)
            if entry is not None and entry is not own:
                return SUCCESS
        return ErrorCode.FAIL
