# refused: CP027
"""Storage that is looked through by a method that __init__ calls by way of another."""

from cells import Buffer

from capsules.hil.flash import Flash


class Regions:
    def __init__(self, flash: Flash, head: Buffer) -> None:
        self._flash = flash
        self._head = head
        self._find()

    def _find(self) -> None:
        self._look(0)

    def _look(self, at: int) -> None:
        self._flash.read(at, self._head, 0, 16)
