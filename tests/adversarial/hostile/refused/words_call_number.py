# refused: CP021 words: Evil.run
"""Calls a number: jumps to an address."""

class Evil:
    def run(self, number: int, process):
        return number()
