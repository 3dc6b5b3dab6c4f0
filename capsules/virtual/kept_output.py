"""What processes write while the console is another's: the last bytes of each, and how many there were before them."""

from cells import Buffer
from kernel import UserBuffer
from micropython import const

_NOBODY = const(-1)
_MOST_LOST = const(999_999)  # more are not counted
_NOT_KEPT = b" bytes before this were not kept]\r\n"


class KeptOutput:
    """A ring for each process slot, all in one buffer."""

    def __init__(self, kept: Buffer, slots: int) -> None:
        self._kept = kept
        self._slots = slots
        self._size = len(kept) // slots
        self._at = [0 for _ in range(slots)]  # where in its ring each process's next byte goes
        self._count = [0 for _ in range(slots)]
        self._lost = [0 for _ in range(slots)]
        self._going = _NOBODY  # of whom something is on its way
        self._going_count = 0  # how much
        self._going_lost = 0  # or that so much was lost

    def keep(self, slot: int, view: UserBuffer, at: int, end: int) -> None:
        """Keep bytes `at` to `end` - 1 of what a process has allowed."""
        size = self._size
        base = int(slot) * int(size)
        lost = max(end - at - size, 0)
        at += lost
        for _ in range(2):  # the second part is at the ring's beginning
            place = self._at[slot]
            count = view.read(at, self._kept, base + place, min(end - at, size - place)) if at < end else 0
            at += count
            self._at[slot] = place + count if place + count < size else 0
            self._count[slot] += count
        over = self._count[slot] - size
        if over > 0:
            lost += over
            self._count[slot] = size
        self._lost[slot] = min(self._lost[slot] + lost, _MOST_LOST)

    def take(self, buffer: Buffer) -> int:
        """Fill the buffer with what is kept of one process; returns the bytes. It is kept until gone() is called."""
        for slot in range(self._slots):
            lost = self._lost[slot]
            if lost:
                self._going_lost = lost
                self._going_count = 0
                self._going = slot
                return self._say(buffer, lost)
            count = min(self._count[slot], len(buffer))
            if count:
                size = self._size
                base = int(slot) * int(size)
                start = self._at[slot] - self._count[slot]
                if start < 0:
                    start += size
                first = buffer.copy(0, self._kept, base + start, min(count, size - start))
                buffer.copy(first, self._kept, base, count - first)
                self._going_lost = 0
                self._going_count = count
                self._going = slot
                return count
        return 0

    def gone(self) -> None:
        """What was taken is on its way, and not kept any more."""
        slot = self._going
        if slot != _NOBODY:
            self._going = _NOBODY
            self._count[slot] -= self._going_count
            self._lost[slot] -= self._going_lost

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
