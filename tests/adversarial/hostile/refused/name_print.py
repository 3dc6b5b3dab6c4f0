# refused: CP005
"""Prints past the kernel's log."""

class Evil:
    def run(self, other):
        return print(other)
