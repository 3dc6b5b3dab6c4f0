# refused: CP021 words: Evil.run
"""The process before the numbers: a command's first number, an object that the next command overwrites, could be kept."""

class Evil:
    def run(self, process, number: int, first: int, second: int):
        return 1
