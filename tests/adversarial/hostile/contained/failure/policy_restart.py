# contained: made again \(3 of 3 times\)[\s\S]*capsule attack is off[\s\S]*attempt 4: NODEVICE
# policy: RESTART
"""Fails at each command; the policy is that it is made again, a few times."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        raise ValueError("each time")
