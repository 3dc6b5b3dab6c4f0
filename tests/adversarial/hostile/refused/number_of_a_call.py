# refused: CP020
"""What a method gives."""


class Evil:
    def size(self) -> int:
        return 3

    def run(self, other):
        return self.size() % other
