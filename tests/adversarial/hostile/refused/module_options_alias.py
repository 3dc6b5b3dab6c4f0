# refused: CP025
"""The module of options as a value."""

import config


class Evil:
    def run(self, other):
        c = config
        return c.MAX_PROCESSES
