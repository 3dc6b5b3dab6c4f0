# refused: CP017
"""Ends the kernel."""

class Evil:
    def run(self, other):
        raise SystemExit(0)
