"""What is computed for one process after the other, in pieces; the kernel's loop has others' turns between them.

    self._work = PieceWork(grant, _WAITS, self._begin, self._step, self._answer)

    self._work.ask(entry, process.slot, what)    in a command: it is under way, or waits

For who ends it goes on no longer. After a piece that was cut short nobody knows what was computed, so all of it is anew.
"""

from typing import Callable

from kernel import Entry, Grant, deferred

from capsules.parts.process_queue import ProcessQueue


class PieceWork:
    """Field `field` of a record is what its process asks for, a number, until `answer(entry)` has cleared it; else 0.

    `begin(entry, what)` notes where to begin; `step(entry)` does a piece, and returns whether there are more.
    """

    def __init__(
        self,
        grant: Grant,
        field: int,
        begin: "Callable[[Entry, int], None]",
        step: "Callable[[Entry], bool]",
        answer: "Callable[[Entry], None]",
    ) -> None:
        self._queue = ProcessQueue(grant, field, self._start, self._refuse)
        self._go_on = deferred(self._next)
        self._field = field
        self._begin = begin
        self._step = step
        self._answer = answer
        self._user: "Entry | None" = None
        self._in_step = False  # still true in the next one: it was cut short

    def ask(self, entry: Entry, slot: int, what: int) -> None:
        """Begin with what this process wants, or let it wait."""
        self._queue.ask(entry, slot, what)

    def _start(self, entry: Entry, what: int) -> int:
        self._begin(entry, what)
        self._user = entry
        self._go_on()
        return 0

    def _refuse(self, entry: Entry, status: int) -> None:
        """Nothing is."""

    def _next(self) -> None:
        entry = self._user
        if entry is not None:  # else it was cut short behind the answer
            was_cut = self._in_step
            self._in_step = True
            if entry.alive() and entry[self._field]:
                if was_cut:
                    self._begin(entry, entry[self._field])
                if self._step(entry):
                    self._in_step = False
                    self._go_on()
                    return
                self._answer(entry)
            self._user = None
            self._in_step = False
        self._queue.over()
        self._queue.go_on()
