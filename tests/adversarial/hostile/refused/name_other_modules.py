# refused: CP005
"""A name that the other module imports, not this one."""

class Evil:
    def run(self, other):
        return success_u32(1)
