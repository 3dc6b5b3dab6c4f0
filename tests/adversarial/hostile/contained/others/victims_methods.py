# contained: TypeError
"""Calls the victim's public methods with what they do not expect."""


class Attack:
    def __init__(self, powers):
        self._victim = powers.victim

    def attack(self, number, attempt, second, process):
        for wrong in (None, 1 << 100, "text", (1, 2), [1], self, self._victim, process):
            for step in range(4):
                try:
                    self.use(step, wrong)
                except Exception:
                    pass
        self._victim.register(None)
        return self._victim.plus(1)

    def use(self, step, wrong):
        if step == 0:
            self._victim.plus(wrong, wrong)
        elif step == 1:
            self._victim.give_back(wrong)
        elif step == 2:
            self._victim.look(wrong)
        else:
            self._victim.fill(wrong)
