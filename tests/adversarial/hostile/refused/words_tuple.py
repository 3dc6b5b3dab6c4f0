# refused: CP021 words: Evil.run
"""A number in a tuple, where an object belongs."""

class Evil:
    def run(self, number: int, process):
        return (number, process)
