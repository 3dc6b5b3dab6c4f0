# refused: CP008
"""A private attribute of an element."""

class Evil:
    def run(self, other):
        return [x._secret for x in other.list_all()]
