# refused: CP021 words: Evil.run
"""Raises in a function of machine words."""

class Evil:
    def run(self, number: int, process):
        raise ValueError(number)
