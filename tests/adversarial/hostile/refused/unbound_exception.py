# refused: CP016
"""The name of an exception after its handler."""

class Evil:
    def run(self, other):
        try:
            other.work()
        except Exception as error:
            pass
        return error
