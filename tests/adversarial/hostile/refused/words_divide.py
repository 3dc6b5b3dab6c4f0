# refused: CP021 words: Evil.run
"""Divides: there is no check for zero."""

class Evil:
    def run(self, number: int, process):
        return number // (number - number)
