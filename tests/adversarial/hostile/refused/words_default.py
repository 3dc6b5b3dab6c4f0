# refused: CP021 words: Evil.run
"""A default: it is not converted."""

class Evil:
    def run(self, number: int = 1):
        return number
