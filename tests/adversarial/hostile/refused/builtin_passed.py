# refused: CP006
"""A built-in function as a callback."""

class Evil:
    def run(self, other):
        other.set_client(len)
