# refused: CP021 words: Evil.run
"""Iterates over a number."""

class Evil:
    def run(self, number: int, process):
        for x in number:
            process.use(x)
