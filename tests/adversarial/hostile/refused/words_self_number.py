# refused: CP021 words: Evil.run
"""self as a number."""

class Evil:
    def run(self: int, number: int):
        return 1
