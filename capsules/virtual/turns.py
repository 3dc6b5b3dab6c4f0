"""Whose turn it is among the processes that wait for something that is done one at a time."""

from kernel import Entry, Grant
from micropython import const

WAITS = const(0)
"""The field of a record that is not 0 while its process waits."""


class Turns:
    """Each process that waits has its turn before one that has just had it."""

    def __init__(self, grant: Grant) -> None:
        self._entry = grant.entry
        self._slots = grant.SLOTS
        self._last = 0

    def whose(self) -> "Entry | None":
        """The record of the one whose turn it is; None if nobody waits."""
        slot = self._last
        for _ in range(self._slots):
            slot += 1
            if slot >= self._slots:
                slot = 0
            entry = self._entry(slot)
            if entry is not None and entry[WAITS]:
                self._last = slot
                return entry
        return None
