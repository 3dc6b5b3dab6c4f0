# contained: -
"""Makes layouts whose sizes wrap."""

from kernel import SUCCESS, ErrorCode, Layout


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        for n in (
            -1,
            65,
            128,
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
            "1",
        ):
            for step in range(5):
                try:
                    self.make(step, n)
                    return SUCCESS
                except Exception:
                    pass
        try:
            Layout(32, 32, 32, 32, 64)
            return SUCCESS
        except ValueError:
            return ErrorCode.FAIL

    def make(self, step, n):
        if step == 0:
            return Layout(upcalls=n)
        if step == 1:
            return Layout(read_write=n)
        if step == 2:
            return Layout(read_only=n)
        if step == 3:
            return Layout(readable=n)
        return Layout(u32=n)
