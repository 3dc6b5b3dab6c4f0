# contained: neither success nor an error
"""Returns itself and its powers to the process."""


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        return (self, self._powers, self._powers.grant, self._powers.buffer, self.attack)[attempt]
