# refused: CP021 words: Evil.run
"""A local that is a number first and an object later."""

class Evil:
    def run(self, number: int, process):
        x = number
        if process.ready():
            x = process.first()
        return x
