"""The apps as tockloader wants to see them: sizes rounded up to powers of two, sorted, one behind the other, without holes.

Tockloader has a list of its own idea, and moves in flash whatever does not fit it. So it is shown a list in which everything
fits, at addresses that are no flash's. Regions of it are apps that are installed, apps that have been staged, or padding. A
region that begins where others are takes their place, as it would in flash.
"""

from cells import Buffer
from micropython import const

from capsules.virtual.app_directory import put_u32, u24
from capsules.virtual.app_list import HEAD
from capsules.virtual.app_store import BAD, ENABLED, GONE, KEPT, STICKY, AppStore

BASE = const(0x100000)
"""Where the list begins."""

PAGE = const(512)
"""What tockloader writes at once."""

NOTHING = const(-1)

_LARGEST = const(1 << 20)


class CanonicalList:
    """Regions by their number, in no order. `head` has HEAD bytes."""

    def __init__(self, store: AppStore, head: Buffer) -> None:
        # What the store has wrapped, and not the store.
        self._apps, self._start_of, self._size_of, self._flags_of = store.apps, store.start_of, store.size_of, store.flags_of
        self._read_app = store.read
        self._head = head
        self.at: "list[int]" = []
        self.size: "list[int]" = []
        self.start: "list[int]" = []  # where the app begins in the flash of apps; NOTHING: padding
        self.staged: "list[int]" = []  # its number in the transaction; NOTHING: it is installed
        self.flags: "list[int]" = []

    def begin(self) -> None:
        """As the store is now."""
        self.clear()
        at = BASE
        size = _LARGEST
        while size >= PAGE:
            for app in range(self._apps()):
                if not self._flags_of(app) & (GONE | BAD | KEPT) and self._rounded(self._size_of(app)) == size:
                    self._add(at, size, self._start_of(app), NOTHING, self._flags_of(app))
                    at += size
            size >>= 1

    def clear(self) -> None:
        self.at.clear()
        self.size.clear()
        self.start.clear()
        self.staged.clear()
        self.flags.clear()

    def _rounded(self, size: int) -> int:
        power = PAGE
        while power < size:
            power <<= 1
        return power

    def _add(self, at: int, size: int, start: int, staged: int, flags: int) -> int:
        self.at.append(at)
        self.size.append(size)
        self.start.append(start)
        self.staged.append(staged)
        self.flags.append(flags)
        return len(self.at) - 1

    # -- Changes ----------------------------------------------------------------------------------

    def open(self, at: int, size: int, start: int, staged: int, flags: int) -> int:
        """A region begins there: its number. Those that began in its bytes are no more."""
        self._cut(at, at + size)
        return self._add(at, size, start, staged, flags)

    def erase(self, at: int) -> None:
        """Whatever begins there or behind it is no more."""
        self._cut(at, BASE + _LARGEST)

    def _cut(self, at: int, end: int) -> None:
        kept = 0
        for region in range(len(self.at)):
            if not at <= self.at[region] < end:
                self.at[kept] = self.at[region]
                self.size[kept] = self.size[region]
                self.start[kept] = self.start[region]
                self.staged[kept] = self.staged[region]
                self.flags[kept] = self.flags[region]
                kept += 1
        self.keep_first(kept)

    def stage(self, region: int, staged: int, start: int) -> None:
        """Its app is a new one."""
        self.staged[region] = staged
        self.start[region] = start

    def keep(self, region: int, place: int) -> None:
        """The region is the one of this number from now on, and the other way round."""
        for values in (self.at, self.size, self.start, self.staged, self.flags):
            value = values[place]
            values[place] = values[region]
            values[region] = value

    def keep_first(self, count: int) -> None:
        """The others are no more."""
        while len(self.at) > count:
            self._pop()

    def _pop(self) -> None:
        self.at.pop()
        self.size.pop()
        self.start.pop()
        self.staged.pop()
        self.flags.pop()

    def settle(self) -> None:
        """What was staged is installed."""
        for region in range(len(self.at)):
            self.staged[region] = NOTHING

    # -- Looking ----------------------------------------------------------------------------------

    def find(self, at: int) -> int:
        """The region that has this address; of several the newest. NOTHING: none."""
        region = len(self.at) - 1
        while region >= 0:
            if self.at[region] <= at < self.at[region] + self.size[region]:
                return region
            region -= 1
        return NOTHING

    def of_start(self, start: int) -> int:
        """The region of the app that begins there in the flash of apps, or NOTHING."""
        for region in range(len(self.start)):
            if self.start[region] == start:
                return region
        return NOTHING

    def of_staged(self, staged: int) -> int:
        """The region of the app that has this number in the transaction, or NOTHING."""
        for region in range(len(self.staged)):
            if self.staged[region] == staged:
                return region
        return NOTHING

    def begins_at(self, at: int) -> int:
        """The region that begins there, or NOTHING."""
        for region in range(len(self.at)):
            if self.at[region] == at:
                return region
        return NOTHING

    def app_of(self, region: int) -> int:
        """The number of its app in the store; NOTHING for padding."""
        if self.staged[region] != NOTHING:
            return self.staged[region]
        for app in range(self._apps()):
            if self._start_of(app) == self.start[region]:
                return app
        return NOTHING

    def read(self, at: int, buffer: Buffer, to: int, count: int) -> None:
        """What is there, 64 bytes at most; where nothing is, as erased flash."""
        end = at + count
        while at < end:
            region = self.find(at)
            if region == NOTHING:
                buffer[to] = 0xFF
                at += 1
                to += 1
                continue
            offset = at - self.at[region]
            here = min(end - at, self.size[region] - offset)
            self.read_region(region, offset, buffer, to, here)
            at += here
            to += here

    def read_region(self, region: int, offset: int, buffer: Buffer, to: int, count: int) -> None:
        self.read_app(self.app_of(region), self.size[region], self.flags[region], offset, buffer, to, count)

    def read_app(self, app: int, size: int, flags: int, offset: int, buffer: Buffer, to: int, count: int) -> None:
        """Bytes of an app as tockloader sees it: with another size and other flags in its header, and zeros at the end.

        NOTHING: of padding.
        """
        there = self._read_app(app, offset, buffer, to, count) if app != NOTHING else 0
        for index in range(to + there, to + count):
            buffer[index] = 0 if app != NOTHING else 0xFF
        if offset < HEAD:
            self._make_head(app, size, flags)
            buffer.copy(to, self._head, offset, min(count, HEAD - offset))

    def _make_head(self, app: int, size: int, flags: int) -> None:
        """The first words of the header; the last one is such that the XOR of all is 0, as it was."""
        head = self._head
        if app == NOTHING:
            put_u32(head, 0, 2, HEAD)
            put_u32(head, 4, size & 0xFFFF, size >> 16)
            put_u32(head, 8, 0, 0)
            put_u32(head, 12, (2 ^ size) & 0xFFFF, HEAD ^ size >> 16)
            return
        self._read_app(app, 0, head, 0, HEAD)
        changed = u24(head, 4) ^ size
        flags = head[8] & ~(ENABLED | STICKY) | flags & (ENABLED | STICKY)
        head[12] = head[12] ^ head[8] ^ flags
        head[8] = flags
        for index in range(3):
            part = changed >> int(index) * 8 & 0xFF
            head[4 + index] = head[4 + index] ^ part
            head[12 + index] = head[12 + index] ^ part
