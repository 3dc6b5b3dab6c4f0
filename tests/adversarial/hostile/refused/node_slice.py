# refused: CP002
"""A slice: a lying length makes MicroPython read beyond the end."""

class Evil:
    def run(self, other):
        return other.data()[1:100]
