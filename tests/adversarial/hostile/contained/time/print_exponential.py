# contained: -
"""Makes text of a tuple that has 2**50 parts."""


def shared():
    made = ()
    for _ in range(50):
        made = (made, made)
    return made


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        made = shared()
        return len(f"{made}")
