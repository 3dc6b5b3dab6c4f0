# contained: TypeError
"""Makes results of what is no number."""

from kernel import SUCCESS, success_u32, success_u32_shifted, success_u32_u32


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        for wrong in (None, "1", (1,), [1], self, process):
            for step in range(4):
                try:
                    self.use(step, wrong)
                    return SUCCESS
                except TypeError:
                    pass
        for huge in (1 << 100, -(1 << 100)):
            success_u32(huge)
            success_u32_u32(huge, huge)
            success_u32_shifted(huge, huge)
        return success_u32("1")

    def use(self, step, wrong):
        if step == 0:
            return success_u32(wrong)
        if step == 1:
            return success_u32_u32(1, wrong)
        if step == 2:
            return success_u32_shifted(wrong, 1)
        return success_u32_shifted(1, wrong)
