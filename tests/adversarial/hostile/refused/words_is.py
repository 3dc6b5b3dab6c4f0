# refused: CP021 words: Evil.run
"""Compares a number's bits with an object's address."""

class Evil:
    def run(self, number: int, process):
        return number is process
