# refused: CP021 words: Evil.run
"""Orders objects among machine words, which compiles to a comparison of numbers or of addresses."""


class Evil:
    """Compares."""

    def __init__(self) -> None:
        self._a = 1
        self._b = 2

    def run(self, number: int) -> int:
        if self._a < self._b:
            return 1
        return 0
