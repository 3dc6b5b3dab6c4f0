# refused: CP015
"""A class as a default: a parameter that is a class, and so an unbound method."""

class X:
    def peek(self):
        return self._secret


def run(victim, c=X):
    return c.peek(victim)
