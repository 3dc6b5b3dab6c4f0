# refused: CP021 words: Evil.run
"""A parameter with the name of a pointer type, which the compiler takes for the type."""


class Evil:
    """Computes."""

    def take(self, thing: int) -> int:
        return thing

    def run(self, number: int, ptr8: int) -> int:
        return number
