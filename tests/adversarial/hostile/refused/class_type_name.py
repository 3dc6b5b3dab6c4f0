# refused: CP012
"""A type that exists for the type checker alone."""

from kernel import Grant


class Evil:
    def run(self, other):
        return Grant(1)
