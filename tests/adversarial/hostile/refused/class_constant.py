# refused: CP013
"""Another name for a class: a constant that is a class."""

class X:
    def peek(self):
        return self._secret


Y = X
