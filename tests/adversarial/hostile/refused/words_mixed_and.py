# refused: CP021 words: Evil.run
"""A number or an object, by `and`."""

class Evil:
    def run(self, number: int, process):
        x = number and process
        return x.run()
