# refused: CP021 words: Evil.run
"""Indexes a number: reads memory."""

class Evil:
    def run(self, number: int, process):
        return number[0]
