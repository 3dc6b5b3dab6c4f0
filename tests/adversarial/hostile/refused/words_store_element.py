# refused: CP021 words: Evil.run
"""Stores an element: not converted alike everywhere."""

class Evil:
    def run(self, number: int, process):
        self.x[number] = number
