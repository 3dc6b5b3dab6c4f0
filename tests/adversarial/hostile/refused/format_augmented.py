# refused: CP020
"""A format in an assignment."""


class Evil:
    def run(self, other):
        text = "%99999999d"
        text %= other
        return text
