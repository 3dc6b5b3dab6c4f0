# refused: CP010
"""A method whose first parameter has another name."""

class Evil:
    def run(this, other):
        return 1
