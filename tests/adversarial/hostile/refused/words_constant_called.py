# refused: CP021 words: Evil.run
"""A constant, called: its number would be an address."""


LIMIT = 3


class Evil:
    """Computes."""

    def take(self, thing: int) -> int:
        return thing

    def run(self, number: int) -> int:
        return LIMIT()
