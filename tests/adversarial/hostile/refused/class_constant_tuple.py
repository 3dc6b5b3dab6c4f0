# refused: CP013
"""A class within a constant tuple."""

class X:
    def peek(self):
        return self._secret


Y = (X,)
