# refused: CP021 words: Evil.run
"""A truth value called."""

class Evil:
    def run(self, number: int, process):
        x = number == 1
        return x()
