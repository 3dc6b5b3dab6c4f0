# refused: CP021 words: Evil.run
"""Compares machine words by identity, as if they were objects."""


class Evil:
    """Compares."""

    def __init__(self) -> None:
        self._a = 1

    def run(self, number: int) -> int:
        if number is number:
            return 1
        return 0
