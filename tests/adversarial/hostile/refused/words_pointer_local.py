# refused: CP021 words: Evil.run
"""A local with the name of a pointer type."""

class Evil:
    def run(self, number: int, process):
        ptr8 = number
        return ptr8
