# refused: CP020
"""A parameter that is annotated as a number."""


class Evil:
    def run(self, other: int):
        return other % (0,)
