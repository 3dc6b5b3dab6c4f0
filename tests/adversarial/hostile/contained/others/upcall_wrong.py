# contained: -
"""Schedules upcalls with numbers and values that do not exist."""

from kernel import SUCCESS, ErrorCode


class Attack:
    def __init__(self, powers):
        self._grant = powers.grant

    def attack(self, number, attempt, second, process):
        entry = self._grant.enter(process)
        for wrong in (
            -1,
            2,
            31,
            255,
            256,
            1 << 16,
            (1 << 30) - 1,
            1 << 30,
            1 << 31,
            -(1 << 31),
            1 << 32,
            1 << 64,
            None,
            "0",
            (0,),
        ):
            try:
                entry.schedule_upcall(wrong, 0, 0, 0)
                return SUCCESS
            except (ValueError, TypeError, RuntimeError, MemoryError, OSError, IndexError):
                pass
            except Exception:
                pass
        for wrong in (None, "0", (0,), self):
            try:
                entry.schedule_upcall(0, wrong, 0, 0)
                return SUCCESS
            except TypeError:
                pass
        for shift in (-1, 32, 1 << 31, 1 << 64):
            try:
                entry.schedule_upcall(0, 1 << 64, -(1 << 64), 1 << 31, shift)
            except Exception:
                pass
        return ErrorCode.FAIL
