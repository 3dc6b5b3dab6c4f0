# refused: CP014
"""const in a class, which MicroPython takes for the whole file: a parameter becomes a number."""

from micropython import const


class Evil:
    X = const(5)

    def run(self, X):
        return X
