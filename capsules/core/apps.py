"""The apps in flash, seen and removed by user programs: what process info and the app loader lack.

Driver number 0x10100, which is not Tock's. Apps have numbers, from 0 in the order of their addresses, that hold until apps
come or go.

Command
    0 exists                -> success
    1 count                 -> success_u32_u32(apps, bytes of flash for apps); BUSY before it is known which apps there are:
                               the question has it looked up
    2 describe number       -> success_u32(number of values): where it begins, size, flags, identifier of its process (0 if
                               it has none), state, restarts, bytes of RAM, of these up to its break, fault status, fault
                               address; one u32 each into the buffer. INVAL
    3 read   number offset  -> success_u32(bytes): the app's own, into the buffer, at most 64. INVAL
    4 remove number         -> success, also if it is gone already, INVAL, BUSY while another one changes the apps or a host waits to.
                               What an app is loading is forgotten for it
    5 console               -> success_u32(what the shell shows first: 0 its prompt, 1 the process console)

State: as in process info

Subscribe
    0 removed: (status, 0, 0)  BUSY if a host came first

Allow read-write
    0 where the answers go
"""

from cells import Buffer
from kernel import (
    SUCCESS,
    CommandReturn,
    Entry,
    ErrorCode,
    Grant,
    Layout,
    ProcessControl,
    ProcessId,
    UserBuffer,
    success_u32,
    success_u32_u32,
)
from micropython import const

import config
from capsules.virtual.app_store import GONE, AppStore

DRIVER_NUM = const(0x10100)

LAYOUT = Layout(upcalls=1, read_write=1, answers=1, asks=b"\x04\x00")

# Commands
_EXISTS = const(0)
_COUNT = const(1)
_DESCRIBE = const(2)
_READ = const(3)
_REMOVE = const(4)
_CONSOLE = const(5)

_VALUES = const(10)
_STOPPED = const(8)  # a bit of what ProcessControl.state() returns


class Apps:
    """Asks the store. `piece` is as long as what can be read at once."""

    def __init__(self, store: AppStore, grant: Grant, processes: ProcessControl, piece: Buffer) -> None:
        # What the store has wrapped, and not the store.
        self._begin, self._drop, self._commit, self._forget = store.begin, store.drop, store.commit, store.abort
        self._look, self._apps, self._length = store.look, store.apps, store.length
        self._start_of, self._size_of, self._flags_of, self._slot_of = (
            store.start_of,
            store.size_of,
            store.flags_of,
            store.slot_of,
        )
        self._bytes = store.read
        self._client = store.new_client(self._told, 2)
        self._grant = grant
        self._processes = processes
        self._piece = piece
        self._asker: "Entry | None" = None  # who removes one
        self._app = -1  # which, while the store gives up what an app was loading

    def command(self, number: int, first: int, second: int, process: ProcessId) -> "CommandReturn | int":
        if number == _EXISTS:
            return SUCCESS
        if number == _CONSOLE:
            return success_u32(1 if config.SHELL_PROCESS_CONSOLE else 0)
        if number < 0 or number > _REMOVE:
            return ErrorCode.NOSUPPORT
        if first < 0 or second < 0:
            return ErrorCode.INVAL
        status = self._look(self._client)
        if status:
            return ErrorCode.BUSY if status == ErrorCode.OFF else status
        if number == _COUNT:
            return success_u32_u32(self._apps(), self._length())
        if first >= self._apps():
            return ErrorCode.INVAL
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        if number == _REMOVE:
            return self._remove(entry, first)
        view = entry.read_write(0)
        return self._describe(first, view) if number == _DESCRIBE else self._read(first, second, view)

    def _describe(self, app: int, view: UserBuffer) -> "CommandReturn | int":
        view.write_u32(0, self._start_of(app))
        view.write_u32(1, self._size_of(app))
        view.write_u32(2, self._flags_of(app))
        slot = self._slot_of(app)
        if slot < 0:
            for index in range(3, _VALUES):
                view.write_u32(index, 0)
            return success_u32(_VALUES)
        processes = self._processes
        state = processes.state(slot)
        ram = processes.fact(slot, "ram_start")
        view.write_u32(3, processes.fact(slot, "id"))
        view.write_u32(4, 3 if state & _STOPPED else state if state < 3 else state + 1)
        view.write_u32(5, processes.fact(slot, "restarts"))
        view.write_u32(6, processes.fact(slot, "ram_end") - ram)
        view.write_u32(7, processes.fact(slot, "app_break") - ram)
        view.write_u32(8, processes.fact(slot, "fault_status"))
        view.write_u32(9, processes.fact(slot, "fault_address"))
        return success_u32(_VALUES)

    def _read(self, app: int, offset: int, view: UserBuffer) -> "CommandReturn | int":
        piece = self._piece
        count = self._bytes(app, offset, piece, 0, min(len(piece), len(view)))
        return success_u32(view.write(0, piece, 0, count) if count else 0)

    def _remove(self, entry: Entry, app: int) -> "CommandReturn | int":
        if self._flags_of(app) & GONE:  # and its bytes stay while others share their page
            entry.schedule_upcall(0, 0, 0, 0)
            return SUCCESS
        status = self._begin(self._client)
        if status == ErrorCode.OFF:
            self._app = app
        elif status == 0:
            status = self._take_away(app)
        if status == 0 or status == ErrorCode.OFF:
            self._asker = entry
            return SUCCESS
        return status

    def _take_away(self, app: int) -> int:
        self._app = -1
        status = self._drop(self._client, app)
        if status == 0:
            status = self._commit(self._client)
        if status:
            self._forget(self._client)
        return status

    def _told(self, status: int) -> None:
        """From the store: it can be removed, or is; or the store has looked."""
        app = self._app
        self._app = -1
        if app >= 0 and status == 0:
            status = self._take_away(app)
            if status == 0:
                return
        self._forget(self._client)  # if it has begun for nobody
        entry = self._asker
        self._asker = None
        if entry is not None and entry.alive():
            entry.schedule_upcall(0, status, 0, 0)
