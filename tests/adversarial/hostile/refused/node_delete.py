# refused: CP002
"""Deletes a local: compiled code does not check that it is gone."""

class Evil:
    def run(self, other):
        x = other
        del x
