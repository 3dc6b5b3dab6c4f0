# refused: CP017
"""Leaves `except ... as` by break, for the same end."""


class Evil:
    """Counts."""

    def __init__(self) -> None:
        self._count = 0

    def run(self, number: int) -> int:
        for i in range(number):
            try:
                self._count += i
            except ValueError as error:
                self._count = 0
                break
        return self._count
