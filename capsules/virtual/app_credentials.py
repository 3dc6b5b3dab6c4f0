"""What vouches for an app that is being installed: footers behind its program, as Tock has them.

    type 128, length (16 bits each), format (a word), data
    format 3: the SHA-256 of all that lies before the footers

One that is not right is refused, and so are more footers than anybody has time for. Formats that are not known here, as signatures, neither help
nor harm; nor does it to have none. Zeros are no footers: what is left of the app's flash may be full of them.
"""

from cells import Buffer
from micropython import const

from capsules.hil.flash import Flash
from capsules.virtual.app_directory import put_u32, u16, u24
from capsules.virtual.app_list import HEAD, MOST_ENTRIES, AppList
from capsules.virtual.sha256 import BLOCK, DIGEST, SIZE, Sha256

LOOKING = const(0)
"""There is more to be looked at."""

LOOKED = const(1)
WRONG = const(2)

_PROGRAM = const(9)  # of a header's entries: with the end of the program at this place
_PROGRAM_END = const(16)
_NOTHING = const(0)
_CREDENTIALS = const(128)
_SHA256 = const(3)
_HASHED = const(4 + 4 + 32)  # bytes of such a footer


class AppCredentials:
    """Looks at one app, a footer or a block at a time. `heads` has HEAD bytes for each that can be staged at once: what their headers begin with."""

    def __init__(self, flash: Flash, apps: AppList, heads: Buffer) -> None:
        self._flash = flash
        self.list = apps
        self._scratch = apps.scratch
        self.heads = heads
        self._sha256 = Sha256(Buffer(SIZE))
        self._start = 0
        self._head = 0  # where its head is among the heads
        self._length = 0  # of what is vouched for
        self._at = 0  # how much of it has been summed up
        self._footer = -1  # what vouches for it; -1: nothing
        self._next_footer = -1  # that is looked at; -1: none
        self._footers = 0  # that have been
        self._end = 0  # of the app

    def begin(self, start: int, size: int, head: int) -> None:
        """An app in the flash, but for what its header begins with."""
        self._start = start
        self._head = head
        self._at = 0
        self._footer = self._next_footer = -1
        self._footers = 0
        self._end = start + size
        header = u16(self.heads, head + 2)
        program = self.list.entry(start + HEAD, start + header, _PROGRAM)
        if program < 0:
            return
        self._flash.read(program + _PROGRAM_END, self._scratch, 0, 4)
        self._length = u24(self._scratch, 0) if self._scratch[3] == 0 else size
        if header <= self._length < size:
            self._next_footer = start + self._length
            self._sha256.begin()

    def _look_at_footer(self) -> int:
        """Is it the one that is looked for?"""
        scratch = self._scratch
        at = self._next_footer
        self._next_footer = -1
        if at + _HASHED > self._end:
            return LOOKING
        self._flash.read(at, scratch, 0, 8)
        kind, length = u16(scratch, 0), u16(scratch, 2)
        if kind == _CREDENTIALS and length == 4 + DIGEST and u24(scratch, 4) == _SHA256:
            self._footer = at
        elif kind != _NOTHING:
            self._next_footer = at + 4 + (length + 3 & ~3)
            self._footers += 1
        return WRONG if self._footers == MOST_ENTRIES else LOOKING

    def next(self) -> int:
        """Look at a little more of it: LOOKING, LOOKED or WRONG."""
        if self._next_footer >= 0:
            return self._look_at_footer()
        if self._footer < 0:
            return LOOKED
        if self._at > self._length + 8:
            return self._compare()
        self._load()
        self._sha256.feed(self._scratch)
        self._at += BLOCK
        return LOOKING

    def _load(self) -> None:
        """The next block, into the scratch. FIPS 180-4, 5.1.1: a one, zeros, and how many bits there were."""
        scratch = self._scratch
        at, length = self._at, self._length
        count = min(BLOCK, max(length - at, 0))
        if count:
            self._flash.read(self._start + at, scratch, 0, count)
        if at == 0:
            scratch.copy(0, self.heads, self._head, HEAD)
        for index in range(count, BLOCK):
            scratch[index] = 0x80 if at + int(index) == length else 0
        if at + BLOCK >= length + 9:
            bits = length << 3
            for index in range(4):
                scratch[BLOCK - 1 - int(index)] = bits >> int(index) * 8 & 0xFF

    def _compare(self) -> int:
        scratch = self._scratch
        self._flash.read(self._footer + 8, scratch, 0, DIGEST)
        for index in range(DIGEST):
            if scratch[index] != self._sha256.byte(index):
                return WRONG
        return LOOKED
