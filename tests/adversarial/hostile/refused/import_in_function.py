# refused: CP003
"""An import when the capsule runs, after everything has been looked at."""

class Evil:
    def run(self, other):
        from kernel import log
        return 1
