# refused: CP002
"""A dict from a comprehension."""

class Evil:
    def run(self, other):
        return {x: x for x in other.list_all()}
