# refused: CP016
"""A path that continues past the assignment."""

class Evil:
    def run(self, other):
        x = 0
        for i in [1, 2]:
            if x:
                other.use(y)
                continue
            x = 1
        else_ = 1
        y = 1
        return else_
