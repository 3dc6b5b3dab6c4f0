# refused: CP002
"""A match statement, which reads attributes of classes."""

class Evil:
    def run(self, other):
        match other:
            case 1:
                return 1
        return 2
