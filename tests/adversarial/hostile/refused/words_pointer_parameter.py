# refused: CP021 words: Evil.run
"""A parameter that is a pointer."""

class Evil:
    def run(self, number: "ptr8", process):
        return 1
