# contained: -
"""Has machine code look for attributes where they may not be: in objects that grow, in methods' places, in no place."""

from kernel import SUCCESS, ErrorCode


class Growing:
    """Its table outgrows the one that machine code searches itself, in the middle of a method."""

    def __init__(self, early):
        if early:
            self.late = 7

    def fill(self, base):
        self.a0 = base + 0
        self.a1 = base + 1
        self.a2 = base + 2
        self.a3 = base + 3
        self.a4 = base + 4
        self.a5 = base + 5
        self.a6 = base + 6
        self.a7 = base + 7
        self.a8 = base + 8
        self.a9 = base + 9
        self.a10 = base + 10
        self.a11 = base + 11
        self.a12 = base + 12
        self.a13 = base + 13
        self.a14 = base + 14
        self.a15 = base + 15
        self.a16 = base + 16
        self.a17 = base + 17
        self.a18 = base + 18
        self.a19 = base + 19

    def sum(self):
        return (
            self.a0
            + self.a1
            + self.a2
            + self.a3
            + self.a4
            + self.a5
            + self.a6
            + self.a7
            + self.a8
            + self.a9
            + self.a10
            + self.a11
            + self.a12
            + self.a13
            + self.a14
            + self.a15
            + self.a16
            + self.a17
            + self.a18
            + self.a19
        )


class Attack:
    def __init__(self, powers):
        self._victim = powers.victim
        self._buffer = powers.buffer
        self._called = 0

    def attack(self, number, attempt, second, process):
        for early in (False, True):
            growing = Growing(early)
            for base in (0, 1000, 5):
                growing.fill(base)
                if growing.sum() != 190 + int(base) * 20:
                    return SUCCESS
            if early and growing.late != 7:
                return SUCCESS
        self.plus = self._victim.plus  # a bound method in an attribute: called without this object
        if self.plus(3, 4) != 7:
            return SUCCESS
        self.call = self.callee
        if self.call(attempt) != attempt or self._called != 1:
            return SUCCESS
        self._called = 0
        for step in range(6):
            try:
                self.miss(step)
                return SUCCESS
            except Exception:
                pass
        return ErrorCode.FAIL

    def callee(self, value):
        self._called += 1
        return value

    def miss(self, step):
        if step == 0:
            self.nowhere()
        elif step == 1:
            self._called.nowhere()
        elif step == 2:
            self._buffer.nowhere()
        elif step == 3:
            self._victim.plus(1)
        elif step == 4:
            self._called()
        else:
            return self.nowhere
