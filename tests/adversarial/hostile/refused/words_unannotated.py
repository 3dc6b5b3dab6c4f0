# refused: CP021 words: Evil.run
"""A parameter without a type: an object that anyone may pass as a number."""

class Evil:
    def run(self, number, process):
        return 1
