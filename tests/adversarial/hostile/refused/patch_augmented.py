# refused: CP007
"""Changes a count that another object keeps."""

class Evil:
    def run(self, other):
        other.ready += 1
