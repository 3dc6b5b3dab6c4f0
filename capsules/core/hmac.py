"""Message authentication codes for user programs: HMAC (RFC 2104) with SHA-256.

Driver number 0x40003 (Tock: capsules/extra/src/hmac.rs). A key of more than 64 bytes is hashed, as the RFC says; Tock takes its
first 64 bytes. Its commands 4 and 5, to verify, have no upcall that could say anything, and are not here.

Command
    0 set algorithm algorithm -> success for 0 to 5, which Tock knows; 1 and 2 are refused then for all but 0, SHA-256, which it is at
                                 first. NOSUPPORT for others, NOMEM
    1 run                     -> success; of all of the data. NOSUPPORT, NOMEM; also if this process waits for an upcall
    2 update                  -> success; the data is the next part of a message, and the key that of its first part counts.
                                 OFF once, if the parts before were given up since another process asked; NOSUPPORT, NOMEM
    3 finish                  -> success; of the parts so far. OFF if there are none, NOMEM

Subscribe
    0 done: (status, first byte of the code, 0)  status 0; after 2: (0, 0, 0). FAIL: the kernel had no time, and the parts so far are lost

Allow read-only
    0 the key
    1 the data

Allow read-write
    2 where to put the code; no more than fit of its 32 bytes
"""

from kernel import SUCCESS, CommandReturn, Entry, ErrorCode, Grant, Layout, ProcessId, deferred, sha256
from micropython import const

from capsules.parts.process_queue import ProcessQueue
from capsules.virtual.sha256 import BLOCK, DIGEST, DIGEST_AT, INITIAL, SIZE, Sha256

DRIVER_NUM = const(0x40003)

LAYOUT = Layout(upcalls=1, read_write=3, read_only=2, u32=3, answers=1, asks=b"\x01\x00\x02\x00\x03\x00")

# Commands
_SET_ALGORITHM = const(0)
_RUN = const(1)
_UPDATE = const(2)
_FINISH = const(3)

_WAITS = const(0)  # the command, from there to its upcall
_ALGORITHM = const(1)
_SESSION = const(2)

_NONE = const(0)  # _SESSION
_OPEN = const(1)  # it has made parts of a message known
_LOST = const(2)  # and somebody else has come since

_LAST_ALGORITHM = const(5)

_KEY = const(0)
_DATA = const(1)
_CODE = const(2)

_INNER = const(0x36)
_OUTER = const(0x5C)

_OUTER_AT = SIZE

_BLOCKS_AT_ONCE = const(8)


class HmacDriver:
    """Computes one process's code; between the parts of a message, others have their turn, and it is given up for them.

    The buffer has DIGEST bytes more than the hash needs: for the state of the outer hash, after its first block.
    """

    def __init__(self, grant: Grant, sha: Sha256) -> None:
        self._grant = grant
        self._queue = ProcessQueue(grant, _WAITS, self._begin, self._refuse)
        self._go_on = deferred(self._step)
        self._sha = sha
        self._user: "Entry | None" = None  # whose command is under way
        self._session: "Entry | None" = None  # whose parts of a message this holds
        self._feeds = _KEY
        self._at = 0
        self._in_step = False  # still true in the next one: it was cut short
        self._chosen = False  # somebody has chosen an algorithm that is not here

    def command(self, number: int, algorithm: int, _: int, process: ProcessId) -> "CommandReturn | int":
        if number < 0 or number > _FINISH:
            return ErrorCode.NOSUPPORT
        if number != _SET_ALGORITHM:
            return self._do(process, number)
        if algorithm < 0 or algorithm > _LAST_ALGORITHM:
            return ErrorCode.NOSUPPORT
        if algorithm == 0 and not self._chosen:
            return SUCCESS
        return self._choose(process, algorithm)

    def _choose(self, process: ProcessId, algorithm: int) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        entry[_ALGORITHM] = algorithm
        self._chosen = True
        return SUCCESS

    def _do(self, process: ProcessId, number: int) -> "CommandReturn | int":
        entry = self._grant.enter(process)
        if entry is None:
            return ErrorCode.NOMEM
        if entry[_WAITS]:
            return ErrorCode.NOMEM
        session = entry[_SESSION]
        if session == _LOST and number != _RUN:
            entry[_SESSION] = _NONE
            return ErrorCode.OFF
        if number == _FINISH:
            if session != _OPEN:
                return ErrorCode.OFF
        elif entry[_ALGORITHM]:
            return ErrorCode.NOSUPPORT
        # Their first use needs memory: before anything is begun that would be left half done.
        entry.read_only(0)
        entry.read_only(1)
        entry.read_write(2)
        self._queue.ask(entry, process.slot, number)
        return SUCCESS

    def _refuse(self, entry: Entry, status: int) -> None:
        """Nothing is."""

    # -- From the kernel's loop --

    def _step(self) -> None:
        entry = self._user
        if entry is None:  # it was cut short behind the answer
            self._is_over()
            return
        was_cut = self._in_step
        self._in_step = True
        if not entry.alive() or not entry[_WAITS]:
            self._is_over()
        elif was_cut:
            self._begin_anew(entry)
        elif self._feeds == _CODE:
            self._answer(entry)
        else:
            self._feed(entry)
        self._in_step = False
        if self._user is not None:
            self._go_on()

    def _begin_anew(self, entry: Entry) -> None:
        """Nobody knows what was computed: a whole message is again, and of one in parts this is the end."""
        self._session = None
        if entry[_WAITS] == _RUN:
            self._begin(entry, _RUN)
            return
        entry[_SESSION] = _NONE
        self._is_done(entry, ErrorCode.FAIL, 0)

    def _begin(self, entry: Entry, what: int) -> int:
        self._user = entry
        self._at = 0
        self._go_on()
        session = self._session
        if session is not None and session.alive() and session[_SESSION] == _OPEN:
            if session is entry and what != _RUN:
                self._feeds = _CODE if what == _FINISH else _DATA
                return 0
            session[_SESSION] = _LOST
        self._session = entry
        self._feeds = _KEY
        self._sha.begin()
        if len(entry.read_only(0)) <= BLOCK:
            self._set_up(entry.read_only(0).read(0, self._sha.buffer, 0, BLOCK))
        entry[_SESSION] = _OPEN
        return 0

    def _set_up(self, length: int) -> None:
        """The key, or what it was hashed to, is in the block: so many bytes."""
        sha = self._sha
        sha.pad_with_zeros(length)
        sha.begin()
        self._mask(_INNER)
        sha.took(BLOCK)
        self._mask(_INNER ^ _OUTER)
        sha.buffer.copy(_OUTER_AT, INITIAL, 0, DIGEST)
        sha256(sha.buffer, _OUTER_AT, 0)
        self._feeds = _DATA
        self._at = 0

    def _mask(self, mask: int) -> None:
        block = self._sha.buffer
        for at in range(BLOCK):
            block[at] = block[at] ^ mask

    def _feed(self, entry: Entry) -> None:
        sha = self._sha
        view = entry.read_only(self._feeds)
        for _ in range(_BLOCKS_AT_ONCE):
            count = view.read(self._at, sha.buffer, sha.at, BLOCK - sha.at)
            self._at += count
            if count == 0:
                self._is_fed(entry)
                return
            sha.took(count)

    def _is_fed(self, entry: Entry) -> None:
        sha = self._sha
        if self._feeds == _KEY:
            sha.finish()
            sha.buffer.copy(0, sha.buffer, DIGEST_AT, DIGEST)
            self._set_up(DIGEST)
        elif entry[_WAITS] == _UPDATE:
            self._is_done(entry, 0, 0)
        else:
            self._feeds = _CODE

    def _answer(self, entry: Entry) -> None:
        sha = self._sha
        sha.finish()
        sha.buffer.copy(0, sha.buffer, DIGEST_AT, DIGEST)
        sha.go_on_from(_OUTER_AT)
        sha.took(DIGEST)
        sha.finish()
        entry[_SESSION] = _NONE
        self._session = None
        entry.read_write(2).write(0, sha.buffer, DIGEST_AT, DIGEST)
        self._is_done(entry, 0, sha.buffer[DIGEST_AT])

    def _is_done(self, entry: Entry, status: int, first: int) -> None:
        entry.schedule_upcall(0, status, first, 0)
        entry[_WAITS] = 0
        self._is_over()

    def _is_over(self) -> None:
        self._user = None
        self._queue.over()
        self._queue.go_on()
