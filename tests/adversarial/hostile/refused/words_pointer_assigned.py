# refused: CP021 words: Evil.run
"""A local with the name of a pointer type."""


class Evil:
    """Computes."""

    def take(self, thing: int) -> int:
        return thing

    def run(self, number: int) -> int:
        uint = number
        return number
