# refused: CP017
"""Returns from `except ... as` within another try."""


class Evil:
    """Counts."""

    def __init__(self) -> None:
        self._count = 0

    def run(self, number: int) -> int:
        try:
            try:
                self._count += number
            except ValueError as error:
                return 0
        except TypeError:
            self._count = 0
        return self._count
