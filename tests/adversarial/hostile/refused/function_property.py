# refused: CP015
"""Code behind an attribute."""

class Evil:
    @property
    def on(self):
        return 1
