# refused: CP017
"""A chain of exceptions."""

class Evil:
    def run(self, other):
        try:
            other.work()
        except Exception as error:
            raise ValueError(1) from error
