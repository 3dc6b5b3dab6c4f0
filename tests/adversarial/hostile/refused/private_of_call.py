# refused: CP008
"""A private attribute of what a call returns."""

class Evil:
    def run(self, other):
        return other.device()._mux
