# refused: CP007
"""Hangs state on a function."""

def work():
    return 1


class Evil:
    def run(self, other):
        work.state = 1
