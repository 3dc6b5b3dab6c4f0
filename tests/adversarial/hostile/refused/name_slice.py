# refused: CP005
"""A slice object: indices() of a huge length."""

class Evil:
    def run(self, other):
        return slice(1, 2).step_by()
