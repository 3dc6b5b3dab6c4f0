# refused: CP020
"""A local that is a number if it is one."""


class Evil:
    def run(self, other):
        n = other
        while n:
            n = n + n
        return n % (0,)
