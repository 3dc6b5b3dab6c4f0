# refused: CP021 words: Evil.run
"""A function of one's own with the name of a cast."""


def uint(number: int) -> int:
    return number


class Evil:
    """Computes."""

    def take(self, thing: int) -> int:
        return thing

    def run(self, number: int) -> int:
        return uint(number)
