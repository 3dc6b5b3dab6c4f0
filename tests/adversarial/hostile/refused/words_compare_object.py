# refused: CP021 words: Evil.run
"""Compares a number with an object."""

class Evil:
    def run(self, number: int, process):
        return number == process.number
