# refused: CP010
"""self as the second parameter."""

class Evil:
    def run(other, self):
        return 1
