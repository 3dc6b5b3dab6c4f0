# refused: CP020
"""A character beyond the last one."""

class Evil:
    def run(self, other):
        return "%c" % 0x7FFFFFFF
