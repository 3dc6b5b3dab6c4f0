# refused: CP021 words: Evil.run
"""The unused parameter: it was not converted."""

class Evil:
    def run(self, number: int, _: int, process):
        return _ + number
