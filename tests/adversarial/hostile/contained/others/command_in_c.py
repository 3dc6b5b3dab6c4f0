# contained: kernel: capsule attack has no method for commands
"""Serves a method that C offers as its command: it has no module, and what stands in its place is no module's names."""

from cells import TakeCell


class Attack:
    def __init__(self, powers):
        self.attack = TakeCell(powers).map_or
