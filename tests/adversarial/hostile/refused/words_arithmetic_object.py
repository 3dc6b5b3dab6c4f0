# refused: CP021 words: Evil.run
"""Adds an object's address to a number."""

class Evil:
    def run(self, number: int, process):
        return number + process
