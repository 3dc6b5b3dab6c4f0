# refused: CP014
"""A class within a class."""

class Evil:
    class Inner:
        def run(self):
            return 1
