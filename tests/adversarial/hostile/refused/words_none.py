# refused: CP021 words: Evil.run
"""None, which is the number 0 here."""

class Evil:
    def run(self, number: int, process):
        x = None
        return x.run()
