# refused: CP021 words: Evil.run
"""Stores through a number: writes memory."""

class Evil:
    def run(self, number: int, process):
        number[0] = 1
