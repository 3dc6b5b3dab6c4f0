# refused: CP019
"""A local under an import's name."""

from kernel import log


class Evil:
    def run(self, other):
        log = other
        log('x')
