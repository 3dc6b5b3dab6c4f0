# refused: CP021 words: Evil.run
"""Reads an attribute of a number: follows it as a pointer."""

class Evil:
    def run(self, number: int, process):
        return number.run
