# refused: CP016
"""Reads a local that was never assigned: compiled code uses what lies on the stack."""

class Evil:
    def run(self, other):
        if False:
            x = other
        return x
