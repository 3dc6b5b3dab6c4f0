# refused: CP011
"""A deque's method: its iterator outlives its memory."""

class Evil:
    def run(self, other):
        return other.popleft
