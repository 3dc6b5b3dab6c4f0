# refused: CP021 words: Evil.run
"""A number in an f-string."""

class Evil:
    def run(self, number: int, process):
        return f"{number}"
