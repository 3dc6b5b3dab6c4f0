# refused: CP009
"""The function behind import."""

class Evil:
    def run(self, other):
        return __import__("uctypes")
