"""What processes write while the console is another's: the last bytes of each, and how many there were before them.

They are kept in the process's own record, three in each word, for no number beyond 30 bits can be had without memory. So they
cost the kernel nothing, and go with the process.
"""

from cells import Buffer
from kernel import Entry, Grant, UserBuffer
from micropython import const

import config

# Fields of the console's record
_NEXT = const(6)  # where in the ring the next byte goes
_COUNT = const(7)
_LOST = const(8)
_BYTES = const(9)

FIELDS = const(9 + (config.CONSOLE_KEPT_BYTES + 2) // 3)
"""How many fields the record has, up to the last of these."""

_MOST_LOST = const(999_999)  # more are not counted
_NOT_KEPT = b" bytes before this were not kept]\r\n"


class KeptOutput:
    """A ring in each process's record."""

    def __init__(self, grant: Grant) -> None:
        self._grant = grant
        self._going: "Entry | None" = None  # of whom something is on its way
        self._going_count = 0  # how much
        self._going_lost = 0  # or that so much was lost

    def keep(self, entry: Entry, view: UserBuffer, at: int, end: int) -> None:
        """Keep bytes `at` to `end` - 1 of what a process has allowed."""
        lost = max(end - at - config.CONSOLE_KEPT_BYTES, 0)
        at += lost
        count = entry[_COUNT] + max(end - at, 0)
        place = entry[_NEXT]
        while at < end:
            field = _BYTES + place // 3
            shift = (place - int(place // 3) * 3) << 3
            entry[field] = entry[field] & ~(0xFF << shift) | view[at] << shift
            at += 1
            place = place + 1 if place + 1 < config.CONSOLE_KEPT_BYTES else 0
        entry[_NEXT] = place
        if count > config.CONSOLE_KEPT_BYTES:
            lost += count - config.CONSOLE_KEPT_BYTES
            count = config.CONSOLE_KEPT_BYTES
        entry[_COUNT] = count
        entry[_LOST] = min(entry[_LOST] + lost, _MOST_LOST)

    def take(self, buffer: Buffer) -> int:
        """Fill the buffer with what is kept of one process; returns the bytes. It is kept until gone() is called."""
        for slot in range(self._grant.SLOTS):
            entry = self._grant.entry(slot)
            if entry is None:
                continue
            lost = entry[_LOST]
            count = min(entry[_COUNT], len(buffer))
            if lost or count:
                self._going_lost = lost
                self._going_count = 0 if lost else count
                self._going = entry
                return self._say(buffer, lost) if lost else self._copy(entry, buffer, count)
        return 0

    def _copy(self, entry: Entry, buffer: Buffer, count: int) -> int:
        place = entry[_NEXT] - entry[_COUNT]
        if place < 0:
            place += config.CONSOLE_KEPT_BYTES
        for at in range(count):
            shift = (place - int(place // 3) * 3) << 3
            buffer[at] = entry[_BYTES + place // 3] >> shift & 0xFF
            place = place + 1 if place + 1 < config.CONSOLE_KEPT_BYTES else 0
        return count

    def gone(self) -> None:
        """What was taken is on its way, and not kept any more."""
        entry = self._going
        self._going = None
        if entry is not None and entry.alive():
            entry[_COUNT] -= min(self._going_count, entry[_COUNT])
            entry[_LOST] -= min(self._going_lost, entry[_LOST])

    def _say(self, buffer: Buffer, lost: int) -> int:
        """How many bytes were not kept."""
        at = buffer.copy(0, b"[", 0, 1)
        scale = 100_000
        while scale:
            if lost >= scale or scale == 1:
                buffer[at] = 48 + int(lost // scale) % 10
                at += 1
            scale //= 10
        return at + buffer.copy(at, _NOT_KEPT, 0, len(_NOT_KEPT))
