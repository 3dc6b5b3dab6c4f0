# refused: CP013 as board
"""A board that defines what nobody looks at."""

class Evil:
    def run(self):
        return 1
