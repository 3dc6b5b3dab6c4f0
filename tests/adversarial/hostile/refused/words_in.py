# refused: CP021 words: Evil.run
"""Searches within a number."""

class Evil:
    def run(self, number: int, process):
        return process in number
