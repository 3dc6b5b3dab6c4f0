# refused: CP019
"""A loop's variable under a function's name."""

def work():
    return 1


class Evil:
    def run(self, other):
        for work in other.list_all():
            work()
