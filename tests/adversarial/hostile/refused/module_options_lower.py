# refused: CP025
"""Something else than an option."""

import config


class Evil:
    def run(self, other):
        return config.secret
