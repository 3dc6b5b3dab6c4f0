# refused: CP021 words: Evil.run
"""The parameter that is not converted, passed on."""


class Evil:
    """Computes."""

    def take(self, thing: int) -> int:
        return thing

    def run(self, number: int, _: int) -> int:
        return self.take(_)
