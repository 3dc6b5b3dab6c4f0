# contained: TimeOut[\s\S]*capsule attack is off[\s\S]*attempt 0: NODEVICE
"""Never comes back from its start: at boot nothing else would run."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def start(self):
        while True:
            pass

    def attack(self, number, attempt, second, process):
        return 0
