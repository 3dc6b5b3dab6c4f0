# refused: CP021 words: Evil.run
"""A comprehension: another function, of another kind."""

class Evil:
    def run(self, number: int, process):
        return [x for x in process.list_all()]
