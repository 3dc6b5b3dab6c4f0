# refused: CP021 words: Evil.run
"""A number on one path, an object on the other."""

class Evil:
    def run(self, number: int, process):
        x = number if process.ready() else process
        return x.run()
