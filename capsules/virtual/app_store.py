"""The apps in flash: which there are, and changes of it that a power cut leaves done or not begun. docs/deployment.md

A change is a transaction, of one client at a time, which says its number with each step: `begin`, then `stage`, `write` and `finish` for
each new app, `drop` and `set_flags`, then `commit` or `abort`. What ends later calls back with 0 or an ErrorCode; with one, the transaction is
over. Apps have numbers, from 0 in the order of their addresses, that hold until the next transaction ends.
"""

from typing import Callable

from cells import Buffer
from kernel import Callback, ErrorCode, InterruptLine, ProcessLoader, call_client, callback, log, shared
from micropython import const

from capsules.hil.flash import Flash
from capsules.virtual.app_credentials import LOOKED, WRONG, AppCredentials
from capsules.virtual.app_directory import DIRTY, AppDirectory, put_u32, u16, u24
from capsules.virtual.app_list import HEAD, LONGEST_HEADER, MARKED, PIECE
from capsules.virtual.app_places import NOT_YET, AppPlaces, first_covered
from capsules.virtual.app_set import MOST, STAGED_AT_ONCE, AppSet
from capsules.virtual.app_tidying import DONE, ERASE, PAD, AppTidying

ENABLED = const(1)
STICKY = const(2)
"""Flags of an app that are those of its header, too."""

KEPT = const(4)
"""An older version that is kept to go back to: it does not run."""

GONE = const(8)
"""Removed; but its page has other apps, too, so its bytes are there still."""

BAD = const(16)
"""Its header is damaged; but it says where the next one begins."""

LOADED = const(32)
"""A program has loaded it: it begins after all others. That stays so, whoever changes its other flags."""

_STAGED = const(256)  # in no record

TRIAL = const(64)
"""It is to prove itself; and of a KEPT one, that it comes back if that other one does not. After a reset it has not."""

_FIXED = const(128)  # it can live at one place only, and so begins before the others

_CLIENTS = const(8)  # whoever is one could go on making more

_WAITS = const(1 << 2 * _CLIENTS)  # one that gives way to nobody waits for the next transaction
_NEXT = const(2 * _CLIENTS + 1)  # from this bit on: who begins as soon as this one is over, plus 1

# What is under way.
_IDLE = const(0)
_WRITE = const(2)  # of an app that is staged, onto pages that are erased just before
_HEADS = const(4)  # of the first bytes of all that are staged
_UNLOAD = const(5)
_LOAD = const(6)
_TIDY = const(7)
_END = const(8)  # the client is to be told
_LOOK = const(9)  # at the list, for which apps there are
_FIND = const(10)  # room for an app that is to be staged
_CHECK = const(11)  # what vouches for those that are staged
_READ = const(12)  # at boot: the directory, a record at a time;
_COMPARE = const(13)  # whether the list is what it says, an app at a time;
_START = const(14)  # and the apps begin, one at a time

# What is logged before that.
_NOTHING = const(0)
_DIRTY_MARK = const(1)
_SET = const(2)
_CLEAN_MARK = const(3)


# What is erased before it is needed: a page of the app that is staged at this place, plus 1; or nothing, or
_PAGE_OF_LOG = const(-1)


class AppStore:
    """The apps of the flash that `directory` and `credentials` look at."""

    def __init__(
        self,
        flash: Flash,
        line: InterruptLine,
        loader: ProcessLoader,
        directory: AppDirectory,
        credentials: AppCredentials,
    ) -> None:
        self.new_client = shared(self._new_client)
        self.look = shared(self._look)
        self.begin = shared(self._begin)
        self.can_be = shared(self._can_be)
        self.stage = shared(self._stage)
        self.copy = shared(self._copy)
        self.write = shared(self._write)
        self.finish = shared(self._finish)
        self.drop = shared(self._drop)
        self.set_flags = shared(self._set_flags)
        self.commit = shared(self._commit)
        self.abort = shared(self._abort)
        self.settle_trial = shared(self._settle_trial)
        self.apps = shared(self._apps)
        self.staged = shared(self._staged)
        self.length = shared(self._length_of_flash)
        self.start_of = shared(self._start_of)
        self.size_of = shared(self._size_of)
        self.flags_of = shared(self._flags_of)
        self.slot_of = shared(self._slot_of)
        self.read = shared(self._read)
        self.end = shared(self._end_process)
        self.run = shared(self._run)
        self._flash = flash
        self._line = line
        self._loader = loader
        self._directory = directory
        self._page = flash.page_size()
        self._list = credentials.list
        self._places = AppPlaces(self._list, directory, flash.page_size())
        self._tidying = AppTidying(self._list, directory, flash.page_size())
        self._credentials = credentials
        self._looked = False  # whether the directory's lists are what there is
        self._clients: "list[Callback]" = []
        self._gives_way = 0  # to other clients, two bits each: what new_client was told; _WAITS, and who is _NEXT
        self._client = -1  # whose transaction it is
        self._unproved = False  # an app on trial was reset before its time
        self._moves = False  # apps are moved that do not run, and do not begin to
        self._over = False  # and that is its last
        self._doing = _IDLE
        self._logging = _NOTHING  # a record that is to be written before that goes on
        self._on_erased = False
        self._flying = False  # the flash is at work
        self._ahead = 0  # or erases what nobody waits for
        self._cancelled = False
        self._status = 0
        self._at = 0  # how far what is under way has come
        self._place = 0  # of the staged app that is being written
        self._app = 0
        self._offset = 0
        self._length = 0
        self._buffer: "Buffer | None" = None  # what is to be written
        self._padding_at = -1  # where the first word of a padding header is left to be written
        self._old = AppSet()  # the apps as they were before the last set; between transactions, of no use
        self._new = AppSet()  # as they are to be
        self._spare = self._new
        self._staged_count = 0
        # Of each that is staged: its number, in the order of the heads; and the page before which its pages are erased.
        self._head = [0 for _ in range(STAGED_AT_ONCE)]
        self._clean = [0 for _ in range(STAGED_AT_ONCE)]
        flash.set_client(self)
        line.enable(self._go_on)

    # -- At boot ----------------------------------------------------------------------------------

    def start(self) -> None:
        """With a directory, load what it says: a step at a time, since nobody has time for all. Until that is done, others get BUSY.

        Without one, the kernel walks the list as ever.
        """
        self._directory.find()
        if self._directory.exists:
            self._loader.take_over()
            self._doing = _READ
            self._line.trigger()

    def _read_next(self) -> None:
        self._line.trigger()
        if not self._directory.read_next():
            self._app = 0
            self._at = 0
            self._doing = _COMPARE
            if self._directory.state & DIRTY:
                self._begin_starts()

    def _compare_next(self) -> None:
        """Is the list at rest, up to the next app, what the directory says?"""
        self._line.trigger()
        app = self._app
        apps = self._directory.apps
        begin = max(self._at, apps.start[app - 1] + apps.size[app - 1] if app else 0)
        end = apps.start[app] if app < apps.used else self._list.limit
        at = self._list.skip(begin, end)
        if begin < at < end:  # over much padding
            self._at = at
        elif app == apps.used and self._list.is_end(at):
            self._begin_starts()
        elif app < apps.used and at == end and self._list.mark_of(at) == apps.mark[app]:
            self._app = app + 1
        else:
            log("the flash was written from outside; what its list says counts")
            self._directory.forget()
            self._at = 0
            self._doing = _LOOK

    def _begin_starts(self) -> None:
        self._take_back()
        self._at = 0
        self._doing = _START

    def _start_next(self) -> None:
        """Load the next app; those first that can live at one place only, those last that a program has loaded: they take nobody's RAM."""
        self._line.trigger()
        directory = self._directory
        used = int(directory.apps.used)
        at = self._at
        while at < 3 * used:
            app = int(at) % used
            flags = directory.apps.flags[app]
            turn = 2 if flags & LOADED else 0 if flags & _FIXED else 1
            at += 1
            if (at - 1) // used == turn and flags & (ENABLED | KEPT | GONE | BAD) == ENABLED:
                if self._list.mark_of(directory.apps.start[app]) == directory.apps.mark[app]:
                    self._loader.load(directory.apps.start[app])
                else:
                    log("one app is damaged, and was not loaded")
                self._at = at
                return
        self._doing = _IDLE
        if self._unproved or (directory.exists and directory.state & DIRTY):
            self._take_lists()
            if self._unproved:
                self._begin_commit()
            else:
                self._begin_tidying()
        self._unproved = False
        self._looked = True

    def _take_back(self) -> None:
        """An app that has not proved itself before the reset is replaced by what was there before it."""
        flags = self._directory.apps.flags
        for app in range(self._directory.apps.used):
            if flags[app] & TRIAL:
                self._unproved = True
                flags[app] = self._after_trial(flags[app], False)

    def _after_trial(self, flags: int, good: bool) -> int:
        """What becomes of an app, be it the new one or the one that is kept."""
        if not flags & TRIAL:
            return flags
        return flags & ~(TRIAL | KEPT) if good != bool(flags & KEPT) else GONE

    def _look(self, client: int) -> int:
        """Before anything else: 0 if it is known which apps there are. OFF: it is once the callback has come. BUSY."""
        if self._looked:
            return 0
        if self._client >= 0 or self._doing != _IDLE:
            return ErrorCode.BUSY
        self._directory.forget()
        self._client = client
        self._at = 0
        self._doing = _LOOK
        self._line.trigger()
        return ErrorCode.OFF

    def _look_next(self) -> None:
        """Without a directory, the list says which apps there are: the next one."""
        directory = self._directory
        scratch = self._list.scratch
        at = self._at
        self._line.trigger()
        if at + HEAD <= self._list.limit + 2 * int(self._page):
            self._flash.read(at, scratch, 0, HEAD)
            size = u24(scratch, 4)
            known = u16(scratch, 0) == 2 and scratch[7] == 0 and size >= HEAD and size & 3 == 0
            if known and at + size <= self._list.limit:
                self._take_app(at, size)
                self._at = at + size
                return
            if known and at + size <= self._list.limit + 2 * int(self._page) and self._list.is_right(at):
                self._list.leave_alone()  # no room for a directory: nothing can be changed
            elif at < self._list.limit and not self._list.is_end(at):
                self._take(at, self._list.limit - at, BAD, self._list.mark_of(at))  # nobody knows what it is, nor what lies behind
        if self._client < 0:  # at boot
            self._begin_starts()
            return
        self._looked = True
        self._over = True
        self._doing = _END

    def _take_app(self, at: int, size: int) -> None:
        """One that the list has, or padding. The scratch holds the first bytes of its header."""
        apps = self._list
        flags = apps.scratch[8] & (ENABLED | STICKY)
        header = u16(apps.scratch, 2)
        right = apps.is_right(at) and header >= HEAD and header & 3 == 0 and header <= LONGEST_HEADER
        if header == HEAD and right:
            return
        if right and header <= size:
            self._take(at, size, flags | (_FIXED if apps.is_fixed(at, header) else 0), apps.mark_of(at))
        else:
            self._take(at, size, BAD, apps.mark_of(at))

    def _take(self, at: int, size: int, flags: int, mark: int) -> None:
        directory = self._directory
        if directory.apps.used == MOST:
            self._list.leave_alone()  # no directory could hold them
            return
        directory.apps.take(at, size, flags, mark)

    # -- What there is ----------------------------------------------------------------------------

    def _apps(self) -> int:
        return self._directory.apps.used

    def _staged(self) -> int:
        """How many there are with those that are staged, which have the numbers behind."""
        return self._new.used if self._client >= 0 else self._directory.apps.used

    def _length_of_flash(self) -> int:
        """Bytes in which apps can be; 0: nothing can be changed."""
        return self._list.limit

    def _start_of(self, app: int) -> int:
        """Where it begins in the flash of apps; one that is staged has a place, too."""
        return self._new.start[app] if app >= self._directory.apps.used else self._directory.apps.start[app]

    def _size_of(self, app: int) -> int:
        return self._directory.apps.size[app]

    def _flags_of(self, app: int) -> int:
        return self._directory.apps.flags[app] & ~_FIXED

    def _slot_of(self, app: int) -> int:
        """The slot in which it runs, or -1."""
        return self._loader.find(self._directory.apps.start[app])

    def _end_process(self, app: int) -> int:
        """End its process until the next boot; nothing is written. ALREADY if it does not run."""
        slot = self._loader.find(self._directory.apps.start[app])
        if slot < 0:
            return ErrorCode.ALREADY
        self._loader.unload(slot)
        return 0

    def _run(self, app: int) -> int:
        """Begin its process, which has been ended: 0, or an ErrorCode as ProcessLoader.load has them."""
        slot = self._loader.load(self._directory.apps.start[app])
        return 0 if slot >= 0 else -slot

    def _read(self, app: int, offset: int, buffer: Buffer, at: int, length: int) -> int:
        """Bytes of an app, which may be staged, into the buffer; how many."""
        staged = app >= self._directory.apps.used
        count = min(length, (self._new.size[app] if staged else self._directory.apps.size[app]) - offset)
        if count <= 0:
            return 0
        self._flash.read(self._start_of(app) + offset, buffer, at, count)
        if staged and offset < HEAD:
            buffer.copy(at, self._credentials.heads, int(self._place_of(app)) * HEAD + offset, min(count, HEAD - offset))
        return count

    # -- A transaction ----------------------------------------------------------------------------

    def _new_client(self, done: "Callable[[int], None]", gives_way: int = 0) -> int:
        """One more client, when the board is wired: its number.

        One that serves programs gives way: with 1 or 2, it is not the next to begin while another waits who was refused; with 1, its
        transaction ends with CANCEL when another client wants to begin one, since a program may have no end in mind; and its apps are LOADED.
        With 2, that client's `begin` says OFF then: it has begun once the callback comes with 0.
        """
        if len(self._clients) == _CLIENTS:
            raise ValueError("too many clients of the apps' store")
        self._clients.append(callback(done))
        number = len(self._clients) - 1
        self._gives_way |= (gives_way & 3) << (number << 1)
        return number

    def _begin(self, client: int) -> int:
        """0, BUSY while another one is under way or before `look`, NODEVICE if the flash has no room for a directory. Or OFF."""
        gives_way = self._rank(client)
        if self._gives_way & _WAITS and gives_way:
            return ErrorCode.BUSY
        if self._looked and self._client >= 0 and self._client != client and self._rank(self._client) == 1:
            self._abort(self._client)
            # While apps change, nobody knows which ones their numbers mean.
            if gives_way == 2 and self._doing != _HEADS and self._logging != _SET and not self._gives_way >> _NEXT:
                self._gives_way |= (client + 1) << _NEXT
                return ErrorCode.OFF
        if not self._looked or self._client >= 0 or self._doing != _IDLE or self._logging != _NOTHING:
            if self._looked and not gives_way:
                self._gives_way |= _WAITS
            return ErrorCode.BUSY
        self._gives_way &= ~_WAITS
        if self._list.limit <= 0:
            return ErrorCode.NODEVICE
        self._client = client
        self._take_lists()
        self._moves = False
        self._place = 0
        return 0

    def _rank(self, client: int) -> int:
        return self._gives_way >> (client << 1) & 3

    def _take_lists(self) -> None:
        if self._new is self._directory.apps:
            self._new = self._spare
        self._new.become(self._directory.apps)
        self._staged_count = 0

    def _is_free(self, client: int) -> bool:
        """Whether this client has a transaction, which waits for it."""
        return self._client == client and client >= 0 and self._doing == _IDLE and self._logging == _NOTHING and not self._cancelled

    def _stage(self, client: int, size: int) -> int:
        """Make room for a new app: its number in this transaction, and the callback once it can be written.

        With NOMEM, there is no room, and the transaction is over. Or an error, negative: NOMEM too many apps, INVAL a size
        that no app can have or the MPU cannot cover, BUSY too early.
        """
        if not self._is_free(client) or self._staged_count == STAGED_AT_ONCE:
            return -ErrorCode.BUSY
        if not self._can_be(size):
            return -ErrorCode.INVAL
        return self._find(size, 0)

    def _copy(self, client: int, app: int, low: int) -> int:
        """As `stage`, for a copy of an app that does not run; low: before it, else at the end of the list if there is room.

        INVAL if it runs or can lie there only. What is staged in the same transaction is not begun by its commit.
        """
        directory = self._directory
        if not self._is_free(client) or self._staged_count == STAGED_AT_ONCE:
            return -ErrorCode.BUSY
        if not 0 <= app < directory.apps.used or self._new.flags[app] & (GONE | BAD):
            return -ErrorCode.INVAL
        start = directory.apps.start[app]
        if low and start == 0:
            return -ErrorCode.NOMEM
        if not self._can_be(directory.apps.size[app]) or self._loader.find(start) >= 0 or directory.apps.flags[app] & _FIXED:
            return -ErrorCode.INVAL
        self._moves = True
        return self._find(directory.apps.size[app], start if low else 0)

    def _find(self, size: int, below: int) -> int:
        if self._new.used == MOST:
            return -ErrorCode.NOMEM
        self._length = size
        self._places.begin(size, below, self._new)
        self._doing = _FIND
        self._line.trigger()
        return self._new.used

    def _find_next(self) -> None:
        at = self._places.next()
        self._line.trigger()
        if at == NOT_YET:
            return
        if at < 0:
            self._fail(ErrorCode.NOMEM)
            return
        if at < self._places.end_of_all():
            self._mark_dirty()
        size = self._length
        self._app = self._new.used
        loaded = LOADED if self._rank(self._client) == 1 else 0
        self._new.take(at, size, ENABLED | _STAGED | loaded, 0)
        place = self._place = self._staged_count
        self._heads_of(place)
        self._head[place] = self._app
        self._clean[place] = at // int(self._page)
        self._staged_count = place + 1
        self._offset = self._length = 0  # no page is erased for one that is never written
        self._doing = _END

    def _can_be(self, size: int) -> bool:
        """Whether an app can have this size at all."""
        if size < 2 * HEAD or size & 3 or size > self._list.limit:
            return False
        page = int(self._page)
        if int(size - 1) % page >= page - HEAD and int(size) % page:
            return False  # no room for a padding header in its last page
        return first_covered(0, size, page) >= 0

    def _heads_of(self, place: int) -> None:
        for index in range(HEAD):
            self._credentials.heads[int(place) * HEAD + int(index)] = 0xFF

    def _write(self, client: int, app: int, offset: int, buffer: Buffer, length: int) -> int:
        """Write bytes of an app that is staged, in any order, each once: multiples of 4 within a page. The callback comes once they are read
        back as they were. INVAL, BUSY.
        """
        if not self._is_free(client):
            return ErrorCode.BUSY
        if self._place_of(app) < 0 or offset < 0 or length < 4 or offset & 3 or length & 3 or offset + length > self._new.size[app]:
            return ErrorCode.INVAL
        page = int(self._page)
        if offset // page != (offset + length - 1) // page:
            return ErrorCode.INVAL
        self._new.mark[app] = 0  # finish() has to see this
        self._app = app
        self._offset = offset
        self._length = length
        self._place = self._place_of(app)
        if offset < HEAD:
            self._credentials.heads.copy(int(self._place) * HEAD + offset, buffer, 0, min(length, HEAD - offset))
        self._buffer = buffer.move(self)
        self._doing = _WRITE
        self._line.trigger()
        return 0

    def _place_of(self, app: int) -> int:
        """Where the head of an app that is staged is; -1: it is none."""
        for place in range(self._staged_count):
            if self._head[place] == app:
                return place
        return -1

    def _finish(self, client: int, app: int) -> int:
        """The app is complete: 0, or INVAL if that is no program. It is enabled if its header says so.

        NOSUPPORT if a program loads one that can live at one place only: it would begin before others.
        """
        if not self._is_free(client):
            return ErrorCode.BUSY
        if self._place_of(app) < 0:
            return ErrorCode.INVAL
        heads = self._credentials.heads
        place = int(self._place_of(app)) * HEAD
        header = u16(heads, place + 2)
        if u16(heads, place) != 2 or header < 2 * HEAD or header & 3 or header > min(self._new.size[app], LONGEST_HEADER):
            return ErrorCode.INVAL
        if u24(heads, place + 4) != self._new.size[app] or heads[place + 7] != 0:
            return ErrorCode.INVAL
        crc = self._directory.crc
        crc.begin()
        crc.feed(heads, place, place + HEAD)
        scratch = self._list.scratch
        at = self._new.start[app]
        mark = 0
        offset = HEAD
        while offset < header:
            if offset <= MARKED:
                mark = crc.low | (crc.high & 0xFF) << 16
            count = min(PIECE - (int(offset) & PIECE - 1), header - offset)
            self._flash.read(at + offset, scratch, 0, count)
            crc.feed(scratch, 0, count)
            offset += count
        if header <= MARKED:
            mark = crc.low | (crc.high & 0xFF) << 16
        fixed = self._list.is_fixed(at, header)
        if not crc.is_even() or fixed < 0:
            return ErrorCode.INVAL
        loaded = self._new.flags[app] & LOADED
        if fixed and loaded:
            return ErrorCode.NOSUPPORT
        self._new.mark[app] = mark
        self._new.flags[app] = _STAGED | loaded | heads[place + 8] & (ENABLED | STICKY) | (_FIXED if fixed else 0)
        return 0

    def _drop(self, client: int, app: int) -> int:
        """An app that is there, or one that has been staged, goes."""
        if not self._is_free(client) or not 0 <= app < self._new.used:
            return ErrorCode.INVAL
        self._new.flags[app] = GONE
        return 0

    def _set_flags(self, client: int, app: int, flags: int) -> int:
        """ENABLED, STICKY, KEPT, TRIAL, and LOADED of a copy; the header stays as it is. There is one trial at a time."""
        if not self._is_free(client) or not 0 <= app < self._new.used or self._new.flags[app] & (GONE | BAD):
            return ErrorCode.INVAL
        if flags & TRIAL and self._is_on_trial():
            return ErrorCode.INVAL
        self._new.flags[app] = self._new.flags[app] & (_STAGED | _FIXED | LOADED) | flags & (ENABLED | STICKY | KEPT | TRIAL | LOADED)
        return 0

    def _is_on_trial(self) -> bool:
        """Whether any app is."""
        for app in range(self._directory.apps.used):
            if self._directory.apps.flags[app] & TRIAL:
                return True
        return False

    def _commit(self, client: int) -> int:
        """Make it true; the callback comes when it is, and processes have begun and ended accordingly."""
        if not self._is_free(client):
            return ErrorCode.BUSY
        old = self._directory.apps
        same = self._new.used == old.used and not (self._directory.exists and self._directory.state & DIRTY)
        for app in range(self._new.used):
            if self._new.flags[app] & (_STAGED | GONE) == _STAGED and self._new.mark[app] == 0:
                return ErrorCode.INVAL  # not finished
            if same and self._new.flags[app] != old.flags[app]:
                same = False
        self._at = 0
        self._doing = _CHECK
        if same:  # nothing is written for that
            self._over = True
            self._doing = _END
        self._line.trigger()
        return 0

    def _begin_commit(self) -> None:
        self._doing = _HEADS
        self._at = 0
        self._padding_at = -1
        self._mark_dirty()
        self._line.trigger()

    def _settle_trial(self, client: int, good: int) -> int:
        """What is on trial stays, and what is kept for it goes; or the other way round. As `commit`; INVAL without a trial."""
        if not self._is_on_trial():
            self._gives_way &= ~_WAITS
            return ErrorCode.INVAL
        status = self._begin(client)
        if status == 0:
            for app in range(self._new.used):
                self._new.flags[app] = self._after_trial(self._new.flags[app], good != 0)
            self._begin_commit()
        return status

    def _check_next(self) -> None:
        """What vouches for the next app that is staged; a piece at a time."""
        self._line.trigger()
        place = self._at // 2
        if place == self._staged_count:
            self._begin_commit()
            return
        app = self._head[place]
        if self._new.flags[app] & GONE:
            self._at += 2
        elif not self._at & 1:
            self._credentials.begin(self._new.start[app], self._new.size[app], int(place) * HEAD)
            self._at += 1
        else:
            found = self._credentials.next()
            if found == WRONG:
                self._fail(ErrorCode.NOACK)
            elif found == LOOKED:
                self._at += 1

    def _mark_dirty(self) -> None:
        """Before the list at rest is touched: from now on the directory is what counts."""
        if not self._directory.state & DIRTY or not self._directory.exists:
            self._logging = _DIRTY_MARK

    def _abort(self, client: int) -> int:
        """Forget its transaction, at any time before its commit. The callback, with CANCEL, comes when that is done.

        INVAL if it has none: so whoever does not know any more, since it was cut short, may ask. It does not wait for one any more, either.
        """
        if client >= 0 and not self._rank(client):
            self._gives_way &= ~_WAITS
        if self._client != client or client < 0:
            return ErrorCode.INVAL
        if self._goes_beside():
            self._cancelled = True
            self._line.trigger()
        return 0

    # -- What is done in the kernel's loop, one thing after the other ----------------------------

    def _go_on(self) -> None:
        """From the line: the next step, unless the flash is at work. What is erased ahead is in nobody's way but theirs who erase."""
        if self._flying or (self._ahead and (self._cancelled or self._logging != _NOTHING or not self._goes_beside())):
            return
        if self._cancelled:
            self._stop(0)
            return
        if self._logging != _NOTHING:
            self._log_next()
        elif self._doing == _WRITE:
            self._write_next()
        elif self._doing == _HEADS:
            self._write_head()
        elif self._doing == _UNLOAD:
            self._unload_next()
        elif self._doing == _LOAD:
            self._load_next()
        elif self._doing == _TIDY:
            self._tidy()
        elif self._doing == _LOOK:
            self._look_next()
        elif self._doing == _FIND:
            self._find_next()
        elif self._doing == _CHECK:
            self._check_next()
        elif self._doing == _READ:
            self._read_next()
        elif self._doing == _COMPARE:
            self._compare_next()
        elif self._doing == _START:
            self._start_next()
        elif self._doing == _END:
            self._end()
        elif self._client >= 0:
            self._erase_ahead()

    def _goes_beside(self) -> bool:
        """Whether it goes on while a page is erased ahead, and can be given up; the write of an app itself waits where it needs that page."""
        return self._doing <= _WRITE or self._doing >= _FIND or (self._doing == _END and not self._over)

    def _erase_ahead(self) -> None:
        """Nobody has to wait for the page that is written to next, nor for the directory's: they are erased while more comes in."""
        if self._place < 0 or self._ahead or not self._staged_count or not self._length:
            return
        start, size, step = self._new.start[self._app], self._new.size[self._app], int(self._page)
        page = self._clean[self._place]
        if int(page) * step < start + size:  # one beyond that which is written to
            if int(page) * step - start < int((self._offset + self._length) // step) * step + 2 * step:
                self._ahead = self._place + 1
                self._flash.erase(page, True)
            return
        page = self._directory.page_to_erase(self._new.used)
        if size > step and page >= 0 and not self._directory.blank:
            self._ahead = _PAGE_OF_LOG
            self._flash.erase(page, True)

    def _end(self) -> None:
        """Tell the client. What was to be is what is, unless that has been said already."""
        status = self._status
        client = self._client
        self._doing = _IDLE
        self._status = 0
        if self._over:
            self._over = False
            self._client = -1
        if client >= 0:
            call_client(self._clients[client], status)
            self._line.trigger()
        waiting = (self._gives_way >> _NEXT) - 1
        if waiting >= 0 and self._client < 0:
            self._gives_way &= (1 << _NEXT) - 1
            call_client(self._clients[waiting], self._begin(waiting))

    def _fail(self, status: int) -> None:
        """The transaction is over, and nothing has come of it."""
        directory = self._directory
        if self._old is directory.apps or self._new is directory.apps:  # what was to be has been settled, and is not true
            directory.replace(self._old)
            self._old = self._new
            self._new = self._spare
        self._logging = _NOTHING
        self._status = status
        self._over = True
        self._staged_count = 0
        if self._directory.state & DIRTY and self._directory.exists:
            self._begin_tidying()
        else:
            self._doing = _END
        self._line.trigger()

    def erased(self, status: int) -> None:
        """From the flash."""
        ahead = self._ahead
        self._line.trigger()
        if ahead:
            self._ahead = 0
            if status:
                self._place = -1  # who needs the page will be told
            elif ahead == _PAGE_OF_LOG:
                self._directory.erased()
            else:
                self._clean[ahead - 1] += 1
            return
        self._flying = False
        if self._cancelled or status:
            self._stop(status)
        elif self._logging != _NOTHING:
            self._write_record(True)
        elif self._doing <= _HEADS:
            self._clean[self._place] += 1
        elif self._doing == _TIDY and self._tidying.size:
            self._begin_padding(self._tidying.at, self._tidying.size)

    def written(self, buffer: Buffer, status: int) -> None:
        """From the flash."""
        buffer.give_back()
        self._flying = False
        self._line.trigger()
        if self._cancelled or status:
            self._stop(status)
        elif self._logging != _NOTHING:
            self._logged()
        elif self._doing == _WRITE:
            self._check_written()
        elif self._padding_at >= 0:
            self._end_padding()
        elif self._doing == _HEADS:
            self._at += 1

    def _stop(self, status: int) -> None:
        """The flash has failed, or the client has given up in the middle of something."""
        self._give_back()
        self._cancelled = False
        if self._doing == _TIDY:
            self._logging = _NOTHING
            self._over = True
            self._doing = _END  # the flag stays: it is done again at the next change or boot
        elif self._doing == _UNLOAD or self._doing == _LOAD:
            self._logging = _NOTHING
        else:
            self._fail(status if status else ErrorCode.CANCEL)

    def _give_back(self) -> None:
        mine = self._buffer
        self._buffer = None
        if mine is not None:
            mine.give_back()

    # Writing an app.

    def _write_next(self) -> None:
        mine = self._buffer
        if mine is None:
            return
        skipped = max(HEAD - self._offset, 0)
        if skipped >= self._length:
            self._give_back()
            self._doing = _END
            self._line.trigger()
            return
        if self._clean_up(self._new.start[self._app] + self._offset + self._length):
            return
        mine.window(skipped, self._length)
        self._flying = True
        at = self._new.start[self._app] + self._offset + skipped
        self._flash.write(at, mine.move(self._flash), self._length - skipped)

    def _clean_up(self, end: int) -> bool:
        """Whether a page of the staged app, up to there, is yet to be erased: it is being done."""
        page = self._clean[self._place]
        if int(page) * int(self._page) >= end:
            return False
        if self._ahead:
            return True
        self._flying = True
        self._flash.erase(page)
        return True

    def _check_written(self) -> None:
        """What is in the flash is what came."""
        mine = self._buffer
        if mine is None:
            return
        skipped = max(HEAD - self._offset, 0)
        at = self._new.start[self._app] + self._offset + skipped
        same = True
        for offset in range(0, self._length - skipped, PIECE):
            count = min(PIECE, self._length - skipped - offset)
            self._flash.read(at + offset, self._list.scratch, 0, count)
            if self._differs(offset, count):
                same = False
        self._give_back()
        self._doing = _END
        if not same:
            self._fail(ErrorCode.FAIL)

    def _differs(self, at: int, count: int) -> bool:
        """Whether the scratch is not what is to be written there."""
        mine = self._buffer
        scratch = self._list.scratch
        if not mine:
            return True
        index = 0
        while index < count:
            if int(scratch[index]) != int(mine[at + index]):
                return True
            index += 1
        return False

    # The log.

    def _log_next(self) -> None:
        directory = self._directory
        page = directory.page_to_erase(self._new.used if self._logging == _SET else -1)
        if page < 0 or directory.blank:
            self._write_record(page >= 0)
            return
        self._flying = True
        self._flash.erase(page)

    def _write_record(self, erased: bool) -> None:
        directory = self._directory
        if self._logging == _SET:
            directory.replace(self._new)
        with_set = erased or self._logging == _SET
        self._on_erased = erased
        record = directory.make(with_set, 0 if self._logging == _CLEAN_MARK else DIRTY)
        self._flying = True
        self._flash.write(directory.place(erased), record.move(self._flash), directory.length_of(with_set))

    def _logged(self) -> None:
        """A record has been written."""
        logging = self._logging
        self._logging = _NOTHING
        if not self._directory.written(self._on_erased or logging == _SET, self._on_erased):
            self._stop(ErrorCode.FAIL)
        elif logging == _SET:
            self._take_lists()
            self._at = 0
            self._doing = _UNLOAD
        elif logging == _CLEAN_MARK:
            self._over = True
            self._doing = _END

    # A commit.

    def _write_head(self) -> None:
        place = self._at // 2  # first the rest of its last page is padded, so that the next app is found at a page
        if place < self._staged_count:
            app = self._head[place]
            end = self._new.start[app] + self._new.size[app]
            self._place = place
            if self._new.flags[app] & GONE:
                self._at += 2
                self._line.trigger()
                return
            if self._clean_up(end):
                return
            past = int(end) % int(self._page)
            if not self._at & 1:
                if past:
                    self._begin_padding(end, int(self._page) - past)
                else:
                    self._at += 1
                    self._line.trigger()
                return
            scratch = self._list.scratch
            scratch.copy(0, self._credentials.heads, int(place) * HEAD, HEAD)
            self._flying = True
            self._flash.write(self._new.start[app], scratch.move(self._flash), HEAD)
            return
        self._settle()
        self._logging = _SET
        self._line.trigger()

    def _settle(self) -> None:
        """The apps as they are to be, in the order of their addresses, without what has gone from the flash."""
        new, old = self._new, self._directory.apps
        settled = self._old
        settled.forget()
        known = 0  # those that were there are in order; the few new ones go between them
        at = 0
        while True:
            first = known if known < old.used else -1
            for app in range(old.used, new.used):
                if new.start[app] >= at and (first < 0 or new.start[app] < new.start[first]):
                    first = app
            if first < 0:
                break
            if first == known:
                known += 1
            at = new.start[first] + 1
            if not new.flags[first] & GONE or self._shares_page(first):
                settled.take(new.start[first], new.size[first], new.flags[first] & ~_STAGED, new.mark[first])
        self._old = old
        self._spare = new
        self._new = settled

    def _shares_page(self, app: int) -> bool:
        """Whether another app that stays has a part of a page in which this one lies."""
        page = int(self._page)
        first = self._new.start[app] // page
        last = (self._new.start[app] + self._new.size[app] - 1) // page
        for other in range(self._new.used):
            if not self._new.flags[other] & GONE:
                if self._new.start[other] // page <= last and (self._new.start[other] + self._new.size[other] - 1) // page >= first:
                    return True
        return False

    def _unload_next(self) -> None:
        """One that runs, and is not to any more: its flash has gone, or it is disabled."""
        while self._at < self._old.used:
            start = self._old.start[self._at]
            self._at += 1
            slot = self._loader.find(start)
            if slot >= 0 and not self._is_to_run(start):
                self._loader.unload(slot)
                self._line.trigger()
                return
        self._at = 0
        self._doing = _LOAD
        self._line.trigger()

    def _is_to_run(self, start: int) -> bool:
        for app in range(self._new.used):
            if self._new.start[app] == start:
                return self._new.flags[app] & (ENABLED | KEPT | GONE | BAD) == ENABLED
        return False

    def _was_to_run(self, start: int) -> bool:
        """Whether it was there and enabled before: then it has been ended, or could not start, which is not this change's."""
        old = self._old
        for app in range(old.used):
            if old.start[app] == start:
                return old.flags[app] & (ENABLED | KEPT | GONE | BAD) == ENABLED
        return False

    def _load_next(self) -> None:
        while self._at < self._new.used:
            start = self._new.start[self._at]
            self._at += 1
            if self._is_to_run(start) and not self._moves and self._loader.find(start) < 0 and not self._was_to_run(start):
                self._loader.load(start)
                self._line.trigger()
                return
        self._begin_tidying()

    # The list at rest, as the set has it.

    def _begin_tidying(self) -> None:
        self._tidying.begin()
        self._doing = _TIDY
        self._line.trigger()

    def _tidy(self) -> None:
        """Put right the next place at which the list at rest is not what it is to be."""
        tidying = self._tidying
        what = tidying.next()
        if what == ERASE:
            self._flying = True
            self._flash.erase(tidying.at // int(self._page))
        elif what == PAD:
            self._begin_padding(tidying.at, tidying.size)
        else:
            if what == DONE:
                self._tidied()
            self._line.trigger()

    def _tidied(self) -> None:
        if self._directory.state & DIRTY or not self._directory.exists:
            self._logging = _CLEAN_MARK
        else:
            self._over = True
            self._doing = _END

    def _begin_padding(self, at: int, size: int) -> None:
        """Its first word comes last: until then the list ends there."""
        self._padding_at = at
        self._list.make_padding(size)
        self._flying = True
        self._flash.write(at + 4, self._list.scratch.move(self._flash), HEAD - 4)

    def _end_padding(self) -> None:
        at = self._padding_at
        self._padding_at = -1
        put_u32(self._list.scratch, 0, 2, HEAD)
        self._flying = True
        self._flash.write(at, self._list.scratch.move(self._flash), 4)
