# refused: CP025
"""The module of options as an argument."""

import config


class Evil:
    def run(self, other):
        other.read_all(config)
