# refused: CP017
"""Leaves `except ... as` by continue: native code comes back to the loop when that is long over."""


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
                continue
        return self._count
