# refused: CP021 words: Evil.run
"""Two targets for one value, of which one is indexed."""

class Evil:
    def run(self, number: int, process):
        x = self.y = number
        return x
