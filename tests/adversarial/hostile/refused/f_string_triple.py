# refused: CP024
"""An f-string of several lines."""

class Evil:
    def run(self, other):
        return f"""{other}
        """
