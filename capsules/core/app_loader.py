"""Apps that load apps: Tock's driver (capsules/extra/src/app_loader.rs).

Driver number 0x10001. One process at a time, from `setup` to `load` or `abort`, or until it ends. A host, or who removes an app, need not
wait for that: what is under way is forgotten, and its next upcall has CANCEL, or its next command FAIL.

Command
    0 exists                -> success
    1 setup    size         -> success, BUSY if another process or a host is at it, or after 32 of these, though there is one more
                               each minute; INVAL if no app has that size; in the upcall NOMEM if there is no room
    2 write    offset count -> success, INVAL if that is not in the app, RESERVE if the buffer is shorter, FAIL before setup,
                               BUSY. Multiples of 4; each byte once
    3 finalize              -> success, FAIL before setup, BUSY: the app is checked; once more after another write
    4 load                  -> success, FAIL before finalize: it is installed, and starts
    5 abort                 -> success, FAIL before setup: all of it is forgotten
    6 unload   short_id     -> success, INVAL if no process of an app that was loaded has it (in the upcall, if nobody has asked
                               before which apps there are): the process ends, until the next boot
    64 replace number       -> success, FAIL before setup, INVAL, BUSY, ALREADY for a second one: `load` also removes this app, by
                               the number that driver 0x10100 has for it; the new one may be called the same, if `finalize` comes
                               after this. Not Tock's; a permission for this driver alone does not include it

Subscribe
    0 setup:    (status, 0, 0)
    1 write:    (status, bytes, 0)  FAIL if they are not in the flash: all of it is forgotten
    2 finalize: (status, 0, 0)  INVAL if it is no good program, NOSUPPORT if it can live at one address only, or if its header
                asks for more than the process has: permissions that it has not, though its own are listed, or another number
                to store under; or none, and so what all without one store, unless its own header has 0 to modify, or no
                number either. ALREADY if another app has its name or its short ID
    3 load:     (status, 0, 0)
    4 abort:    (status, 0, 0)
    5 unload:   (status, where the app begins in the flash of apps, 0)

Allow read-only
    0 what to write
"""

from cells import Buffer
from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessControl, ProcessId, deferred
from micropython import const

from capsules.hil.time import Alarm
from capsules.virtual.app_rights import NOT_YET, TAKEN, AppRights
from capsules.virtual.app_store import LOADED, AppStore

DRIVER_NUM = const(0x10001)

LAYOUT = Layout(upcalls=6, read_only=1, answers=6, asks=b"\x01\x00\x02\x01\x03\x02\x04\x03\x05\x04\x06\x05")

# Commands
_EXISTS = const(0)
_SETUP = const(1)
_WRITE = const(2)
_FINALIZE = const(3)
_LOAD = const(4)
_ABORT = const(5)
_UNLOAD = const(6)
_REPLACE = const(64)  # a right of its own: to remove what others have installed

_MOST = const(32)  # begun in a row, as many as there can be apps: each of them may wear out a page
_SECONDS = const(60)  # after which there may be one more

# What is being done, if it is none of these commands.
_NOTHING = const(0)
_LOOKING = const(7)  # which apps there are; then comes the first command that needs it


class AppLoader:
    """Hands the store what one process writes."""

    def __init__(self, store: AppStore, grant: Grant, processes: ProcessControl, buffer: Buffer, alarm: Alarm) -> None:
        # What the store has wrapped, and not the store.
        self._begin, self._stage, self._put, self._finish = store.begin, store.stage, store.write, store.finish
        self._look, self._can_be = store.look, store.can_be
        self._commit, self._forget, self._end = store.commit, store.abort, store.end
        self._apps, self._start_of, self._slot_of, self._drop = store.apps, store.start_of, store.slot_of, store.drop
        self._client = store.new_client(self._told, 1)
        self._rights = AppRights(store.read, store.flags_of, buffer)
        self._compare_next = deferred(self._compare)
        self._grant = grant
        self._processes = processes
        self._buffer = buffer
        self._entry: "Entry | None" = None  # whose app it is
        self._app = 0
        self._doing = _NOTHING
        self._waiting = _NOTHING  # the command that waits for the look
        self._final = False
        self._offset = 0  # of what is written; or what the command that waits is told
        self._count = 0
        self._at = 0
        self._left = _MOST  # that may begin
        self._alarm = alarm
        alarm.set_client(self._let_more)

    def _let_more(self) -> None:
        """From the alarm."""
        left = min(self._left + 1, _MOST)
        if left < _MOST:
            self._alarm.set_alarm(int(self._alarm.frequency >> 8) * _SECONDS)
        self._left = left

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        if number == _EXISTS:
            return SUCCESS
        if number < 0 or number > _UNLOAD and number != _REPLACE:
            return ErrorCode.NOSUPPORT
        if first < 0 or second < 0:
            return ErrorCode.INVAL
        return self._serve(number, first, second, process)

    def _serve(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        if number == _UNLOAD and self._doing != _LOOKING:
            return self._first(entry, number, first)
        owner = self._entry
        if owner is not None and not owner.alive():
            self._give_up()
            return ErrorCode.BUSY
        if owner is not None and owner is not entry:
            return ErrorCode.BUSY
        if self._doing == _LOOKING or (self._doing != _NOTHING and number != _ABORT):
            return ErrorCode.BUSY
        if number == _SETUP:
            if owner is not None:
                return ErrorCode.FAIL
            return self._first(entry, number, first) if self._can_be(first) else ErrorCode.INVAL
        if owner is None:
            return ErrorCode.FAIL
        if number == _WRITE:
            return self._write(entry, first, second)
        if number == _REPLACE:
            return self._replace(first)
        if number == _FINALIZE:
            return self._finalize(entry, process.slot)
        if number == _LOAD:
            if not self._final:
                return ErrorCode.FAIL
            return self._begun(_LOAD, self._commit(self._client))
        return self._abort()

    def _begun(self, doing: int, status: int) -> "CommandReturn | int":
        if status:
            return status
        self._doing = doing
        return SUCCESS

    def _first(self, entry: Entry, number: int, argument: int) -> "CommandReturn | int":
        """What needs to know which apps there are: at once, or as soon as the store has looked."""
        status = self._look(self._client)
        if status == ErrorCode.OFF:
            self._entry = entry
            self._waiting = number
            self._offset = argument
            return self._begun(_LOOKING, 0)
        if status == 0:
            status = self._do(entry, number, argument)
        return status if status else SUCCESS

    def _do(self, entry: Entry, number: int, argument: int) -> int:
        return self._unload(entry, argument) if number == _UNLOAD else self._setup(entry, argument)

    def _setup(self, entry: Entry, size: int) -> int:
        entry.read_only(0)  # its first use needs memory
        status = self._begin(self._client) if self._left else ErrorCode.BUSY
        if status:
            return status
        if self._left == _MOST:
            self._alarm.set_alarm(int(self._alarm.frequency >> 8) * _SECONDS)
        self._left -= 1
        app = self._stage(self._client, size)
        if app < 0:
            self._give_up()
            return -app
        self._app = app
        self._rights.replace(-1)
        self._final = False
        self._entry = entry
        self._doing = _SETUP
        return 0

    def _replace(self, app: int) -> "CommandReturn | int":
        if app >= self._apps():
            return ErrorCode.INVAL
        if self._rights.replaced >= 0 and self._rights.replaced != app:
            return ErrorCode.ALREADY
        status = self._drop(self._client, app)
        if status:
            return status
        self._rights.replace(app)
        return SUCCESS

    def _write(self, entry: Entry, offset: int, count: int) -> "CommandReturn | int":
        if count & 3 or offset & 3 or count == 0:
            return ErrorCode.INVAL
        if len(entry.read_only(0)) < count:
            return ErrorCode.RESERVE
        self._final = False
        self._offset = offset
        self._count = count
        self._at = 0
        return self._begun(_WRITE, self._write_next(entry))

    def _write_next(self, entry: Entry) -> int:
        offset = self._offset + self._at
        size = len(self._buffer)
        count = min(self._count - self._at, size - int(offset) % size)  # a piece lies in one page
        if entry.read_only(0).read(self._at, self._buffer, 0, count) < count:
            return ErrorCode.RESERVE
        status = self._put(self._client, self._app, offset, self._buffer, count)
        if status == 0:
            self._at += count
        return status

    def _finalize(self, entry: Entry, slot: int) -> "CommandReturn | int":
        self._final = False
        status = self._finish(self._client, self._app)
        if status:
            entry.schedule_upcall(_FINALIZE - 1, status, 0, 0)
            return SUCCESS
        own = -1
        for app in range(self._apps()):
            if self._slot_of(app) == slot:
                own = app
        self._rights.begin(self._app, own)
        self._doing = _FINALIZE
        self._compare_next()
        return SUCCESS

    def _compare(self) -> None:
        """In the kernel's loop, once for each piece."""
        entry = self._entry
        if self._doing != _FINALIZE or entry is None:
            return
        within = self._rights.next()
        if within == NOT_YET:
            self._compare_next()
            return
        self._doing = _NOTHING
        self._final = within == 1
        if entry.alive():
            status = 0 if self._final else ErrorCode.ALREADY if within == TAKEN else ErrorCode.NOSUPPORT
            entry.schedule_upcall(_FINALIZE - 1, status, 0, 0)

    def _abort(self) -> "CommandReturn | int":
        if self._doing == _ABORT or self._doing == _LOAD:
            return ErrorCode.BUSY
        return self._begun(_ABORT, self._forget(self._client))

    def _give_up(self) -> None:
        """Whose app it is has ended, or gets no further."""
        self._entry = None
        if self._doing < _LOAD:
            self._doing = _ABORT if self._forget(self._client) == 0 else _NOTHING

    def _told(self, status: int) -> None:
        """From the store: what was under way is over; with an error, or a commit, so is the transaction."""
        doing = self._doing
        entry = self._entry
        self._doing = _NOTHING
        if doing == _LOOKING or doing == _LOAD or status:
            self._entry = None
        if entry is None:
            return
        if not entry.alive():
            if self._entry is not None:
                self._give_up()
            return
        if doing == _LOOKING:
            status = self._do(entry, self._waiting, self._offset)
            if status and entry.alive():
                entry.schedule_upcall(self._waiting - 1, status, 0, 0)
            return
        if doing == _ABORT:
            status = 0
        if doing == _WRITE and status == 0 and self._at < self._count:
            status = self._write_next(entry)
            if status == 0:
                self._doing = _WRITE
                return
        if doing != _NOTHING:
            entry.schedule_upcall(doing - 1, status, self._at if doing == _WRITE else 0, 0)

    def _unload(self, entry: Entry, short_id: int) -> int:
        processes = self._processes
        for app in range(self._apps()):
            slot = self._slot_of(app)
            if slot >= 0 and short_id and self._rights.flags_of(app) & LOADED and processes.fact(slot, "short_id") == short_id:
                status = self._end(app)
                if entry.alive():
                    entry.schedule_upcall(_UNLOAD - 1, status, self._start_of(app), 0)
                return 0
        return ErrorCode.INVAL
