# refused: CP021 words: Evil.run
"""Unpacks a number."""

class Evil:
    def run(self, number: int, process):
        a, b = number
        return a
