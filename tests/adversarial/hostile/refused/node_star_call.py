# refused: CP002
"""Passes whatever an iterable gives: a loop in C, and any number of arguments."""

class Evil:
    def run(self, other):
        other.send_all(*other.everything)
