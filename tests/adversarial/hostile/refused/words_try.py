# refused: CP021 words: Evil.run
"""A try, whose frame differs here."""

class Evil:
    def run(self, number: int, process):
        try:
            return number
        except Exception:
            return 0
