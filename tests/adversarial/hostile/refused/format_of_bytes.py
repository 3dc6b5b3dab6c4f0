# refused: CP020
"""A format that is bytes."""


class Evil:
    def run(self, other):
        return b"%99999999d" % other
