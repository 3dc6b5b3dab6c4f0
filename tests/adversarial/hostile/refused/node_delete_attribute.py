# refused: CP002
"""Deletes another object's attribute."""

class Evil:
    def run(self, other):
        del other.ready
