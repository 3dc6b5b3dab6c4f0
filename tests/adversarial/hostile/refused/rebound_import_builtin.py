# refused: CP019
"""A class under an import's name."""

from kernel import Layout


class Layout:
    def run(self):
        return 1
