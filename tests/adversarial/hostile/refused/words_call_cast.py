# refused: CP021 words: Evil.run
"""Calls what was made a number."""

class Evil:
    def run(self, number: int, process):
        return int(process)()
