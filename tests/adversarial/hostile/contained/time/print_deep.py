# contained: -
"""Makes text of a tuple that is nested thousands of times."""


def nested(n):
    made = ()
    for _ in range(n):
        made = (made,)
    return made


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        return len("%s" % (nested(3000),))
