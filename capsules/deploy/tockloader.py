"""Tock's bootloader protocol for a kernel that goes on running: what tockloader reads and writes is a list that it is shown.

Command (the bytes before it)
    0x01 ping                       -> 0x11
    0x03 information                -> 0x25, 193 bytes: a length, JSON
    0x05 forget what came before    -> nothing
    0x06 erase a page (address)     -> 0x15: all that was written is true now; 0x13: nothing is
    0x07 write a page (address, 512 bytes) -> 0x15, 0x12 not in the list, 0x13 no room
    0x11 read (address, length: 16 bits)   -> 0x20, the bytes
    0x13 set an attribute           -> 0x13: there are none that can be set
    0x14 get an attribute (number)  -> 0x22, 64 bytes: a key, a length, a value
    0x15 CRC-32 (address, length)   -> 0x23, a word. Of a page that has become padding: that app is gone now; or 0x13
    0x21 another baud rate          -> 0x26: no
    0x22 end                        -> nothing
    others                          -> 0x16

Pages of an app that is there already, with the same bytes, are compared and not written: to move an app in the list is no
work. Other apps are staged in the store. One record makes all of it true, or the session ends and none of it is.
"""

from cells import Buffer
from micropython import const

from capsules.deploy.canonical import BASE, NOTHING, PAGE, CanonicalList
from capsules.deploy.frames import FrameWriter
from capsules.virtual.app_directory import Crc, u16, u24
from capsules.virtual.app_list import HEAD
from capsules.virtual.app_store import ENABLED, STICKY, AppStore

# What `serve`, `told` and `work` return, if it is no answer's number.
LATER = const(-1)
"""The store will tell."""

WORK = const(-2)
"""Call `work`."""

NONE = const(-3)
"""No answer."""

WRITTEN = const(-4)
"""The answer is OK at once, though the store is at work."""

END = const(-5)
"""The session is over."""

PONG = const(0x11)
UNKNOWN = const(0x16)
_BADADDR = const(0x12)
_INTERROR = const(0x13)
_BADARGS = const(0x14)
OK = const(0x15)
_READ_RANGE = const(0x20)
_GET_ATTRIBUTE = const(0x22)
_CRC = const(0x23)
_INFO = const(0x25)
_CHANGE_BAUD_FAIL = const(0x26)

_INFORMATION = b'{"version":"1.1.3","name":"Adder"}'
_INFORMATION_LENGTH = const(193)
_ATTRIBUTE_LENGTH = const(64)
_VALUE_AT = const(9)

_ADDRESS = const(4)  # bytes of one before a page's
_PIECE = const(64)
_MOST = const(0x80000)  # bytes of a range

# What is to be done once the region before is complete.
_PAGE = const(0)  # the page that has come belongs to it
_OPEN = const(1)  # it begins another one
_COMMIT = const(2)

# What is under way.
_IDLE = const(0)
_STAGING = const(1)
_FILLING = const(2)
_WRITING = const(3)
_SUMMING = const(4)
_COMPARING = const(5)
_WALKING = const(6)  # the list, before the commit: what is not reached has gone
_SETTING = const(7)  # what becomes of each app
_COMMITTING = const(8)
_ABORTING = const(9)
_OPENING = const(10)  # a transaction cannot begin yet

_TRIES = const(2000)  # in which it may, each in a turn of the kernel's loop

_HIDDEN = const(4 | 8 | 16)  # KEPT, GONE and BAD of an app


def needs_store(command: int) -> bool:
    """Whether it has to be known which apps there are."""
    return command in (0x06, 0x07, 0x11, 0x15)


class Tockloader:
    """Answers commands whose bytes are in `frame`. `piece` has _PIECE bytes, `attributes` are pairs of texts."""

    def __init__(
        self, store: AppStore, client: int, shown: CanonicalList, frame: Buffer, piece: Buffer, attributes: "tuple[bytes, ...]"
    ) -> None:
        # What the store has wrapped, and not the store.
        self._begin, self._stage, self._write, self._finish = store.begin, store.stage, store.write, store.finish
        self._drop, self._set_flags, self._commit, self._abort = store.drop, store.set_flags, store.commit, store.abort
        self._apps, self._start_of, self._flags_of = store.apps, store.start_of, store.flags_of
        self._client = client
        self._shown = shown
        self._frame = frame
        self._frame_size = len(frame)
        self._piece = piece
        self._attributes = attributes
        self._crc = Crc()
        self._is_open = False  # a transaction is
        self._late = False  # a page was not written, which tockloader has not been told
        self._seen = False
        self._at = 0  # what is read or summed up next
        self._left = 0
        self._doing = _IDLE
        self._region = NOTHING  # the one that is being written
        self._next = 0  # how many bytes of it have come,
        self._filled = 0  # and are in the flash, if it is staged
        self._goal = 0  # up to which it is to be filled before what is next
        self._then = _PAGE
        self._staged = NOTHING
        self._source = NOTHING  # the installed app that has the same first bytes
        self._pad = NOTHING  # a region that became padding with the last page
        self._again = 0  # the command that waits until a transaction can begin,
        self._tries = 0  # and how often that may be tried
        self._for_crc = False  # the commit is that of a CRC
        self._at_walk = 0
        self._count = 0

    def begin(self) -> None:
        """A session begins."""
        self._is_open = False
        self._late = False
        self._staged = NOTHING
        self._forget()

    def _forget(self) -> None:
        """What tockloader saw is not true any more."""
        self._seen = False
        self._left = 0
        self._doing = _IDLE
        self._region = NOTHING
        self._pad = NOTHING
        self._shown.clear()

    # -- Commands ---------------------------------------------------------------------------------

    def serve(self, command: int, length: int, out: FrameWriter) -> int:
        """The number of the answer; what belongs to it has been put, or comes by `more`."""
        if command == 0x01:
            return PONG
        if command == 0x05:
            return NONE
        if command == 0x22:
            return END
        if command == 0x03:
            return self._information(out)
        if command == 0x14:
            return self._attribute(length, out)
        if command == 0x13:
            return _INTERROR
        if command == 0x21:
            return _CHANGE_BAUD_FAIL
        if not needs_store(command):
            return UNKNOWN
        self._tries = _TRIES
        if not self._seen:
            self._seen = True
            self._shown.begin()
        if command != 0x11 and self._late:
            self._late = False
            return _INTERROR
        if command == 0x07:
            return self._page() if length == _ADDRESS + PAGE else _BADARGS
        if command == 0x11:
            return self._range(u16(self._frame, 4)) if length == 6 else _BADARGS
        if command == 0x15:
            return self._sum(u24(self._frame, 4)) if length == 8 else _BADARGS
        return self._erase() if length == 4 else _BADARGS

    def _address(self) -> int:
        """What the frame begins with; -1: no such address."""
        return u24(self._frame, 0) if self._frame[3] == 0 else -1

    def _information(self, out: FrameWriter) -> int:
        out.begin(_INFO)
        out.put(len(_INFORMATION))
        for index in range(_INFORMATION_LENGTH - 1):
            out.put(_INFORMATION[index] if index < len(_INFORMATION) else 0)
        return _INFO

    def _attribute(self, length: int, out: FrameWriter) -> int:
        if length != 1:
            return _BADARGS
        number = self._frame[0]
        out.begin(_GET_ATTRIBUTE)
        known = number < len(self._attributes) // 2
        key = self._attributes[int(number) * 2] if known else b""
        value = self._attributes[int(number) * 2 + 1] if known else b""
        for index in range(_ATTRIBUTE_LENGTH):
            byte = 0
            if index < _VALUE_AT - 1:
                byte = key[index] if index < len(key) else 0
            elif index == _VALUE_AT - 1:
                byte = len(value)
            elif index - _VALUE_AT < len(value):
                byte = value[index - _VALUE_AT]
            out.put(byte)
        return _GET_ATTRIBUTE

    # Reading.

    def _range(self, count: int) -> int:
        self._at = self._address()
        if self._at < 0:
            return _BADADDR
        self._left = count
        return _READ_RANGE

    def more(self, out: FrameWriter) -> bool:
        """Put the next piece of what is read; False if that was all."""
        count = min(self._left, _PIECE)
        if count <= 0:
            return False
        self._shown.read(self._at, self._piece, 0, count)
        out.put_bytes(self._piece, 0, count)
        self._at += count
        self._left -= count
        return True

    def _sum(self, count: int) -> int:
        at = self._address()
        if at < BASE or count > _MOST:
            return _BADADDR
        self._at = at
        self._left = count
        if self._pad != NOTHING and count == PAGE and self._shown.at[self._pad] == at:
            return self._finish_all(True)
        return self._begin_sum()

    def _begin_sum(self) -> int:
        self._crc.begin()
        return self._go(_SUMMING, WORK)

    def _go(self, doing: int, answer: int) -> int:
        self._doing = doing
        return answer

    def work(self, out: FrameWriter) -> int:
        """Go on with what is under way."""
        if self._doing == _SUMMING:
            return self._sum_next(out)
        if self._doing == _OPENING:
            return self._page() if self._again == 0x07 else self._erase()
        if self._doing == _COMPARING:
            return self._compare_next()
        if self._doing == _WALKING:
            return self._walk_next()
        return self._set_next()

    def _sum_next(self, out: FrameWriter) -> int:
        count = min(self._left, _PIECE)
        if count > 0:
            self._shown.read(self._at, self._piece, 0, count)
            self._crc.feed(self._piece, 0, count)
            self._at += count
            self._left -= count
            return WORK
        self._left = 0
        crc = self._crc
        crc.end()
        out.begin(_CRC)
        for half in (crc.low, crc.high):
            out.put(half & 0xFF)
            out.put(half >> 8 & 0xFF)
        return self._go(_IDLE, _CRC)

    # Writing.

    def _page(self) -> int:
        at = self._address()
        if at < BASE or at & (PAGE - 1):
            return _BADADDR
        if not self._open_transaction():
            return self._open_later(0x07)
        self._pad = NOTHING
        if self._header():
            return self._complete(_OPEN)
        region = self._region
        if region == NOTHING or region != self._shown.find(at):
            return _INTERROR
        offset = at - self._shown.at[region]
        if offset < self._next:  # a page of zeros behind others comes last, and has been taken for granted
            shown = self._shown
            count = min(PAGE, shown.size[region] - offset)
            there = self._has(shown.app_of(region), shown.size[region], shown.flags[region], offset, count)
            return OK if there else _INTERROR
        return self._continue(_PAGE, offset)

    def _open_transaction(self) -> bool:
        if not self._is_open:
            self._is_open = self._begin(self._client) == 0
        return self._is_open

    def _open_later(self, command: int) -> int:
        """Another one's transaction may be ending for this one."""
        self._tries -= 1
        self._again = command
        return self._go(_OPENING, WORK) if self._tries > 0 else self._go(_IDLE, _INTERROR)

    def _header(self) -> int:
        """The length of the header with which the page begins; 0 if that is none."""
        frame = self._frame
        size = u16(frame, _ADDRESS + 2)
        if u16(frame, _ADDRESS) != 2 or size < HEAD or size & 3 or size > PAGE or frame[_ADDRESS + 7]:
            return 0
        self._crc.begin()
        self._crc.feed(frame, _ADDRESS, _ADDRESS + size)
        return size if self._crc.is_even() else 0

    def _complete(self, then: int) -> int:
        """First complete the region that is being written, with zeros."""
        region = self._region
        return self._continue(then, self._shown.size[region] if region != NOTHING else 0)

    def _continue(self, then: int, goal: int) -> int:
        """Go on with the region as far as that, and then do the next thing."""
        self._then = then
        self._goal = goal
        return self._compare_next() if self._is_same() else self._fill_next()

    def _is_same(self) -> bool:
        """Whether all that has come of the region is what an installed app has."""
        return self._region != NOTHING and self._shown.staged[self._region] == NOTHING

    def _compare_next(self) -> int:
        """What tockloader leaves out is zero: whether the installed app has that, too."""
        if self._next >= self._goal:
            return self._do_next()
        shown = self._shown
        count = min(_PIECE, self._goal - self._next)
        shown.read_region(self._region, self._next, self._piece, 0, count)
        for index in range(count):
            if self._piece[index]:
                return self._begin_staging()
        self._next += count
        return self._go(_COMPARING, WORK)

    def _begin_staging(self) -> int:
        """The region is a new app. What has come of it until now, an installed one has."""
        self._staged = self._stage(self._client, self._shown.size[self._region])
        return self._go(_STAGING, LATER) if self._staged >= 0 else self._fail()

    def _fill_next(self) -> int:
        region = self._region
        if region == NOTHING or self._filled >= self._goal:
            return self._do_next()
        at = self._filled
        piece = self._piece
        count = min(_PIECE, self._goal - at)
        if at < self._next:
            shown = self._shown
            shown.read_app(self._source, shown.size[region], shown.flags[region], at, piece, 0, count)
        else:
            for index in range(count):
                piece[index] = 0
        if self._write(self._client, self._staged, at, piece, count):
            return self._fail()
        self._filled += count
        return self._go(_FILLING, LATER)

    def _do_next(self) -> int:
        """The region is as far as it was to come."""
        if self._then == _PAGE:
            return self._put_page()
        if self._region != NOTHING and not self._is_same():
            self._finish(self._client, self._staged)  # what is no good program is told with the commit
        self._region = NOTHING
        if self._then == _OPEN:
            return self._open()
        if not self._for_crc:
            self._shown.erase(self._address())
        self._at_walk = BASE
        self._count = 0
        return self._go(_WALKING, WORK)

    def _put_page(self) -> int:
        """The page that has come belongs to the region, next."""
        shown = self._shown
        region = self._region
        count = min(PAGE, shown.size[region] - self._goal)
        if self._is_same():
            if self._has(shown.app_of(region), shown.size[region], shown.flags[region], self._goal, count):
                self._next = self._goal + count
                return self._go(_IDLE, OK)
            return self._begin_staging()
        frame = self._frame
        frame.window(_ADDRESS, _ADDRESS + PAGE)
        if self._write(self._client, self._staged, self._goal, frame, count):
            self._restore_frame()
            return self._fail()
        self._next = self._filled = self._goal + count
        return self._go(_WRITING, WRITTEN)

    def _restore_frame(self) -> None:
        self._frame.window(0, self._frame_size)

    def _has(self, app: int, size: int, flags: int, offset: int, count: int) -> bool:
        """Whether the app has there what the page has that has come."""
        frame = self._frame
        piece = self._piece
        at = int(offset) % PAGE + _ADDRESS
        for begin in range(0, count, _PIECE):
            some = min(_PIECE, count - begin)
            self._shown.read_app(app, size, flags, offset + begin, piece, 0, some)
            for index in range(some):
                if piece[index] != frame[at + begin + index]:
                    return False
        return True

    def _open(self) -> int:
        """A region begins with the page that has come."""
        shown = self._shown
        at = self._address()
        size = u24(self._frame, _ADDRESS + 4)
        header = self._header()
        if header == HEAD:
            old = shown.begins_at(at)
            is_uninstall = old != NOTHING and shown.size[old] == size
            region = shown.open(at, size, NOTHING, NOTHING, 0)
            self._pad = region if is_uninstall else NOTHING
            return self._go(_IDLE, OK)
        flags = self._frame[_ADDRESS + 8] & (ENABLED | STICKY)
        self._next = self._filled = self._goal = 0
        self._then = _PAGE
        for app in range(self._apps()):
            if not self._flags_of(app) & _HIDDEN and self._has(app, size, flags, 0, header):
                self._source = app
                self._region = shown.open(at, size, self._start_of(app), NOTHING, flags)
                return self._put_page()
        self._source = NOTHING
        self._region = shown.open(at, size, NOTHING, NOTHING, flags)
        return self._begin_staging()

    # Making it true.

    def _erase(self) -> int:
        if self._address() < BASE:
            return _BADADDR
        return self._finish_all(False) if self._open_transaction() else self._open_later(0)

    def _finish_all(self, for_crc: bool) -> int:
        self._for_crc = for_crc
        self._pad = NOTHING
        return self._complete(_COMMIT)

    def _walk_next(self) -> int:
        """One who walks the list comes to the next region."""
        shown = self._shown
        region = shown.begins_at(self._at_walk)
        if region != NOTHING and region >= self._count:
            shown.keep(region, self._count)
            self._at_walk += shown.size[self._count]
            self._count += 1
            return WORK
        shown.keep_first(self._count)
        self._count = 0
        return self._go(_SETTING, WORK)

    def _set_next(self) -> int:
        """What becomes of the next app."""
        app = self._count
        shown = self._shown
        self._count += 1
        if app < self._apps():
            if not self._flags_of(app) & _HIDDEN:
                region = shown.of_start(self._start_of(app))
                if region == NOTHING:
                    self._drop(self._client, app)
                else:
                    self._set_flags(self._client, app, shown.flags[region])
            return WORK
        if app <= self._staged:
            if shown.of_staged(app) == NOTHING:
                self._drop(self._client, app)
            return WORK
        return self._go(_COMMITTING, LATER) if self._commit(self._client) == 0 else self._fail()

    # -- From the store ---------------------------------------------------------------------------

    def told(self, status: int) -> int:
        """What was under way is over: as `serve`."""
        doing = self._doing
        self._doing = _IDLE
        if doing == _WRITING:
            self._restore_frame()
        if doing == _ABORTING:
            return _INTERROR
        if status:
            self.begin()  # the transaction is over
            self._late = doing == _WRITING  # its answer was given before it was done
            return NONE if self._late else _INTERROR
        if doing == _STAGING:
            self._shown.stage(self._region, self._staged, self._start_of(self._staged))
            return self._fill_next()
        if doing == _FILLING:
            return self._fill_next()
        if doing == _COMMITTING:
            self._is_open = False
            self._staged = NOTHING
            self._shown.settle()
            return self._begin_sum() if self._for_crc else OK
        return NONE

    def _fail(self) -> int:
        """Nothing comes of it."""
        self.begin()
        if self._abort(self._client) == 0:
            return self._go(_ABORTING, LATER)
        return _INTERROR
