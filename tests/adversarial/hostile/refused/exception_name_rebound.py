# refused: CP017
"""Makes native code raise None, and so return a word of the stack as an object."""


class Evil:
    """Counts."""

    def __init__(self) -> None:
        self._count = 0

    def run(self, number: int) -> int:
        try:
            self._count += 1
        except ValueError as error:
            error = None
            raise error
        return self._count
