# refused: CP014 as hil
"""An interface that is none."""

class Led:
    def on(self):
        """Light it."""
