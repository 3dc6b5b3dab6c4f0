# refused: CP021 words: Evil.run
"""An object within `and`: in parentheses it is a value of one kind or the other."""

class Evil:
    def run(self, number: int, process):
        if (process.first() and number):
            return 1
        return 2
