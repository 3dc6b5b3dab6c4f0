# refused: CP021 words: Evil.run
"""The name of a cast as a value."""


def uint(number: int) -> int:
    return number


class Evil:
    """Computes."""

    def take(self, thing: int) -> int:
        return thing

    def run(self, number: int) -> int:
        return self.take(uint)
