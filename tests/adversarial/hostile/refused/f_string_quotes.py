# refused: CP024
"""Quotes within an f-string: its end is elsewhere for the other lexer."""

class Evil:
    def run(self, other):
        return f'{other}'
