# contained: neither success nor an error
"""Returns objects that are no result of a command."""

from kernel import SUCCESS


class Attack:
    def __init__(self, powers):
        self._powers = powers

    def attack(self, number, attempt, second, process):
        return (None, True, "success", [SUCCESS], process)[attempt]
