# contained: its start, try 1[\s\S]*capsule attack is off[\s\S]*attempt 0: NODEVICE
"""Is made well, and fails when it is started; the others are started and wait for nothing."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def start(self):
        raise ValueError("not today")

    def attack(self, number, attempt, second, process):
        return 0
