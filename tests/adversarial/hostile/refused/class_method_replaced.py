# refused: CP014
"""A constant in a method's place."""

class Evil:
    RUN = 1

    def RUN(self):
        return 2
