# refused: CP019
"""A handler that unbinds what was assigned before."""

class Evil:
    def run(self, other):
        error = 1
        try:
            other.work()
        except Exception as error:
            pass
        return 1
