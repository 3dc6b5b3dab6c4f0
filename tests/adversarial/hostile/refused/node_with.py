# refused: CP002
"""Calls __enter__ and __exit__ of whatever it is given; __exit__ may swallow a time-out."""

class Evil:
    def run(self, other):
        with other:
            return 1
