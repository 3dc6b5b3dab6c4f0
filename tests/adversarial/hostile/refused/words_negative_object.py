# refused: CP021 words: Evil.run
"""The negative of an object's address."""

class Evil:
    def run(self, number: int, process):
        return -process
