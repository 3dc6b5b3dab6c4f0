# refused: CP021 words: Evil.run
"""A number in one case and an object in the other, passed on."""


class Evil:
    """Computes."""

    def take(self, thing: int) -> int:
        return thing

    def run(self, number: int, process: object) -> int:
        return self.take(number if number > 1 else process)
