"""Processes that wait for what serves one of them at a time: each has its turn before one that has just had it.

    self._queue = ProcessQueue(grant, _ASKS, self._begin, self._answer)

    status = self._queue.ask(entry, process.slot, number)    in a command: 0 if it is under way or waits, or why not

    entry = self._queue.over()                               in the callback, when all buffers are back
    if entry is not None:
        self._answer(entry, status)
    self._queue.go_on()

What a process asks for is in its record, so who has ended waits no more, and nothing else has to know.
"""

from typing import Callable

from kernel import Entry, Grant
from micropython import const

DONE = const(-1)
"""What `begin` returns if nothing was to be done, and the process knows."""


class ProcessQueue:
    """Field `field` of a record is what its process asks for, a number, until it is answered; else 0.

    `begin(entry, what)` has it done: 0, DONE or an ErrorCode. `answer(entry, status)` tells one that has waited why not. The
    capsule clears the field with the answer, or when it begins, if a process may then ask for something else.
    """

    def __init__(
        self, grant: Grant, field: int, begin: "Callable[[Entry, int], int]", answer: "Callable[[Entry, int], None]"
    ) -> None:
        self._grant = grant
        self._field = field
        self._begin = begin
        self._answer = answer
        self._user: "Entry | None" = None  # whose turn it is
        self._slot = 0  # or was last
        self._busy = False

    def ask(self, entry: Entry, slot: int, what: int) -> int:
        """Begin with what this process wants, or let it wait."""
        entry[self._field] = what
        if self._busy:
            return 0
        status = self._start(entry, slot, what)
        if status == DONE:
            return 0
        if status:
            entry[self._field] = 0
        return status

    def is_wanted(self) -> bool:
        """Whether anybody waits."""
        for slot in range(self._grant.SLOTS):
            entry = self._grant.entry(slot)
            if entry is not None and entry[self._field]:
                return True
        return False

    def over(self) -> "Entry | None":
        """The turn is over: whose it was, if that one lives."""
        entry = self._user
        self._user = None
        self._busy = False  # first: whatever fails from here on, the next one is served
        return entry if entry is not None and entry.alive() else None

    def go_on(self) -> None:
        """Begin with the next one."""
        slot = self._slot
        for _ in range(self._grant.SLOTS):
            slot += 1
            if slot >= self._grant.SLOTS:
                slot = 0
            entry = self._grant.entry(slot)
            what = entry[self._field] if entry is not None else 0
            if entry is not None and what:
                status = self._start(entry, slot, what)
                if status == 0:
                    return
                if status != DONE:
                    self._answer(entry, status)

    def _start(self, entry: Entry, slot: int, what: int) -> int:
        status = self._begin(entry, what)
        if status == 0:
            self._user = entry
            self._slot = slot
            self._busy = True
        return status
