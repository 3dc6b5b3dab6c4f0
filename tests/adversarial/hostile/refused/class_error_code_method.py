# refused: CP012
"""Something else than an error number of ErrorCode."""

from kernel import ErrorCode


class Evil:
    def run(self, other):
        return ErrorCode.mro()
