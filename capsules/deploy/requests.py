"""What `adder` asks for over the same line: the store's own verbs, in frames of the same kind as tockloader's.

Command (the words before it, little-endian)
    0x40 about                         -> version of this protocol, apps, bytes for apps, of a page, most apps,
                                          new ones at once, writes that may be under way at once
    0x41 app     number                -> where it begins, size, flags, slot + 1 (0: it does not run), then of its process:
                                          state, restarts, where its RAM begins and ends, short ID, dropped upcalls
    0x42 read    number offset length  -> the bytes, 64 at most
    0x43 begin                         -> a transaction
    0x44 stage   size                  -> the app's number in it
    0x45 write   number offset bytes   -> when it is written; of the app that was staged last, one after the other
    0x46 finish  number CRC-32         -> it is complete and a program
    0x47 drop    number
    0x48 flags   number flags
    0x49 commit
    0x4A abort
    0x4B end     number                -> its process ends, until `run` or the next boot
    0x4C run     number
    0x4D sum     number                -> CRC-32 of an app that is installed
    0x4E copy    number low            -> the number of a copy of it, lower than it or at the end; that of an app which does
                                          not run. Then the one that was copied goes
    0x50 said    number position       -> where what follows begins among the bytes that the processes in the app's slot have
                                          written (modulo 2^24), at this position or later, and up to 60 of them (last_words.py);
                                          the last life is the app's own
    0x4F trial   seconds               -> the commit that comes begins a trial of what it marks so
         trial                         -> what has become of the last one (trial.py), seconds that are left
    0x51 session number                -> from now on, answers have this number, below 2^24; before, 0

Every answer is 0xFC, 0x40, the command, the session's number in three bytes, a status (0 or an ErrorCode), how many bytes follow, and
these; 0xFC among them is sent twice. The host makes its number up, so what an app has printed before the session is none of its answers.
"""

from typing import TYPE_CHECKING

from cells import Buffer
from kernel import ErrorCode, ProcessControl
from micropython import const

from capsules.deploy.canonical import PAGE
from capsules.deploy.frames import FrameWriter
from capsules.deploy.tockloader import LATER, WORK
from capsules.parts.lent import is_good
from capsules.virtual.app_directory import Crc, u16, u24
from capsules.virtual.app_set import MOST, STAGED_AT_ONCE
from capsules.virtual.app_store import AppStore

if TYPE_CHECKING:
    from capsules.deploy.trial import Trial
    from capsules.virtual.last_words import LastWords

ANSWER = const(0x40)

FIRST = const(0x40)
LAST = const(0x51)

_ABOUT = const(0x40)
_APP = const(0x41)
_READ = const(0x42)
_BEGIN = const(0x43)
_STAGE = const(0x44)
_WRITE = const(0x45)
_FINISH = const(0x46)
_DROP = const(0x47)
_FLAGS = const(0x48)
_COMMIT = const(0x49)
_ABORT = const(0x4A)
_END = const(0x4B)
_RUN = const(0x4C)
_SUM = const(0x4D)
_COPY = const(0x4E)
_TRIAL = const(0x4F)
_SAID = const(0x50)
_SESSION = const(0x51)

_VERSION = const(4)
_WRITES = const(2)  # of which one waits in the line's buffers while the other is written
_PIECE = const(64)
_SUMMED = const(128)  # bytes that are summed up in one go
_LONGEST_TRIAL = const(3600)  # seconds
_WORD = const(4)
_DATA = const(8)  # where what is to be written begins
_WORDS = const(10)  # of an app


class Requests:
    """Answers commands whose bytes are in `frame`. `piece` has _PIECE bytes."""

    def __init__(
        self, store: AppStore, client: int, processes: ProcessControl, trial: "Trial", words: "LastWords | None", frame: Buffer, piece: Buffer
    ) -> None:
        # What the store has wrapped, and not the store.
        self._begin, self._stage, self._write, self._finish = store.begin, store.stage, store.write, store.finish
        self._drop, self._set_flags, self._commit, self._abort = store.drop, store.set_flags, store.commit, store.abort
        self._apps, self._start_of, self._flags_of, self._slot_of = store.apps, store.start_of, store.flags_of, store.slot_of
        self._size_of, self._read, self._end, self._run = store.size_of, store.read, store.end, store.run
        self._length_of_flash, self._staged, self._copy = store.length, store.staged, store.copy
        self._client = client
        self._processes = processes
        self._trial = trial
        self._begin_words = words.begin if words is not None else None
        self._oldest = words.oldest if words is not None else None
        self._say_from = words.read if words is not None else None
        self._frame = frame
        self._frame_size = len(frame)
        self._piece = piece
        self._crc = Crc()
        self._crc_app = -1  # of which app it is, up to `_at`; -1: of none
        self._is_open = False
        self._session = 0  # its number
        self._doing = 0  # the command that is under way
        self._from = 0  # the app that is copied
        self._app = 0
        self._at = 0
        self._summed = 0  # of the frame's bytes, which are to be written; so many are there:
        self._length = 0
        self._left = 0  # bytes of the last app that was staged, which are yet to be written

    def begin(self) -> None:
        """A session begins."""
        self._is_open = False
        self._session = 0

    def next_frame(self) -> int:
        """How many bytes the next frame has, most likely; 0: nobody knows."""
        return _DATA + min(PAGE, self._left) if self._left > 0 else 0

    def leave(self) -> None:
        """It ends."""
        self._is_open = False
        self._trial.prepare(0)

    # -- Commands ---------------------------------------------------------------------------------

    def serve(self, command: int, length: int, out: FrameWriter) -> int:
        """ANSWER if the answer has been put; or LATER, WORK."""
        first = self._argument(0) if length >= _WORD else -1
        self._doing = command
        if command == _WRITE:
            self._left -= length - _DATA
            return self._serve_write(first, length, out)
        if command != _FINISH:
            self._crc_app = -1
        self._left = first if command == _STAGE else 0
        if command == _ABOUT:
            return self._about(out)
        if command == _APP:
            return self._describe(first, out) if self._is_app(first) else self._answer(ErrorCode.INVAL, out)
        if command == _READ:
            return self._serve_read(first, length, out)
        if command == _BEGIN:
            status = self._begin(self._client)
            self._is_open = self._is_open or status == 0
            return self._answer(status, out)
        if command == _END or command == _RUN:
            if not self._is_app(first):
                return self._answer(ErrorCode.INVAL, out)
            return self._answer(self._end(first) if command == _END else self._begin_process(first), out)
        if command == _SUM:
            return self._begin_sum(first) if self._is_app(first) else self._answer(ErrorCode.INVAL, out)
        if command == _TRIAL and length == 0:
            self._head(0, 2 * _WORD, out)
            out.put_word(self._trial.state)
            out.put_word(self._trial.seconds())
            return ANSWER
        if command == _SAID:
            return self._say(first, length, out)
        if command == _SESSION:
            self._session = max(first, 0)
            return self._answer(0, out)
        if not self._is_open:
            return self._answer(ErrorCode.RESERVE, out)
        return self._change(command, first, length, out)

    def _change(self, command: int, first: int, length: int, out: FrameWriter) -> int:
        """One of a transaction."""
        if command == _STAGE:
            app = self._stage(self._client, first)
            self._app = app
            return self._answer(-app, out) if app < 0 else LATER
        if command == _COPY:
            app = self._copy(self._client, first, self._argument(1)) if length == 2 * _WORD else -ErrorCode.INVAL
            self._from = first
            self._app = app
            self._at = 0
            return self._answer(-app, out) if app < 0 else LATER
        if command == _TRIAL:
            if not 0 < first <= _LONGEST_TRIAL:
                return self._answer(ErrorCode.INVAL, out)
            self._trial.prepare(first)
            return self._answer(0, out)
        if command == _DROP:
            return self._answer(self._drop(self._client, first), out)
        if command == _FLAGS:
            status = self._set_flags(self._client, first, self._argument(1)) if length == 2 * _WORD else ErrorCode.INVAL
            return self._answer(status, out)
        if command == _FINISH:
            if length != 2 * _WORD or not self._apps() <= first < self._staged():
                return self._answer(ErrorCode.INVAL, out)
            return self._begin_sum(first)
        status = self._commit(self._client) if command == _COMMIT else self._abort(self._client)
        return self._answer(status, out) if status else LATER

    def _begin_sum(self, app: int) -> int:
        if self._crc_app != app or self._doing == _SUM:
            self._at = 0
            self._crc.begin()
        self._app = app
        self._crc_app = -1
        return WORK

    def _argument(self, number: int) -> int:
        """A word of the frame, if that is below 2^24; else -1."""
        at = int(number) * _WORD
        return u24(self._frame, at) if self._frame[at + 3] == 0 else -1

    def _is_app(self, app: int) -> bool:
        return 0 <= app < self._apps()

    def _begin_process(self, app: int) -> int:
        return ErrorCode.ALREADY if self._slot_of(app) >= 0 else self._run(app)

    def _head(self, status: int, length: int, out: FrameWriter) -> None:
        out.begin(ANSWER)
        out.put(self._doing)
        for shift in (0, 8, 16):
            out.put(self._session >> shift & 0xFF)
        out.put(status)
        out.put(length)

    def refuse(self, command: int, status: int, out: FrameWriter) -> int:
        """Answer it with that status alone."""
        self._doing = command
        return self._answer(status, out)

    def _answer(self, status: int, out: FrameWriter) -> int:
        self._head(status, 0, out)
        return ANSWER

    def _about(self, out: FrameWriter) -> int:
        self._head(0, 7 * _WORD, out)
        for value in (_VERSION, self._apps(), self._length_of_flash(), PAGE, MOST, STAGED_AT_ONCE, _WRITES):
            out.put_word(value)
        return ANSWER

    def _describe(self, app: int, out: FrameWriter) -> int:
        slot = self._slot_of(app)
        self._head(0, _WORDS * _WORD, out)
        for value in (self._start_of(app), self._size_of(app), self._flags_of(app), slot + 1):
            out.put_word(value)
        processes = self._processes
        out.put_word(processes.state(slot) if slot >= 0 else 0)
        for fact in ("restarts", "ram_start", "ram_end", "short_id", "dropped_upcalls"):
            out.put_word(processes.fact(slot, fact) if slot >= 0 else 0)
        return ANSWER

    def _serve_read(self, app: int, length: int, out: FrameWriter) -> int:
        count = self._argument(2) if length == 3 * _WORD else -1
        if not self._is_app(app) or not 0 <= count <= _PIECE or self._argument(1) < 0:
            return self._answer(ErrorCode.INVAL, out)
        count = self._read(app, self._argument(1), self._piece, 0, count)
        self._head(0, count, out)
        out.put_bytes(self._piece, 0, count)
        return ANSWER

    def _say(self, app: int, length: int, out: FrameWriter) -> int:
        begin, oldest, read = self._begin_words, self._oldest, self._say_from
        slot = self._slot_of(app) if self._is_app(app) else -1
        since = self._argument(1) if length == 2 * _WORD else -1
        if slot < 0 or since < 0 or begin is None or oldest is None or read is None:
            return self._answer(ErrorCode.INVAL, out)
        begin(slot, self._processes.fact(slot, "id"))
        since = oldest(slot, since)
        count = read(slot, since, self._piece, _PIECE - _WORD)
        self._head(0, _WORD + count, out)
        out.put_word(since)
        out.put_bytes(self._piece, 0, count)
        return ANSWER

    def _serve_write(self, app: int, length: int, out: FrameWriter) -> int:
        if not self._is_open:
            return self._answer(ErrorCode.RESERVE, out)
        offset = self._argument(1)
        if length <= _DATA or length > self._frame_size or offset < 0:
            return self._answer(ErrorCode.SIZE, out)
        if app != self._crc_app or offset != self._at:  # a chip allows only two writes of a word
            return self._answer(ErrorCode.INVAL, out)
        self._app = app
        self._summed = _DATA
        self._length = length
        return WORK

    def _write_summed(self, out: FrameWriter) -> int:
        """Sum up more of what has come; then write it."""
        frame = self._frame
        at, end = self._summed, self._length
        if at < end:
            self._summed = min(at + _SUMMED, end)
            self._crc.feed(frame, at, self._summed)
            return WORK
        if not is_good(frame):  # this was cut short when the store had it
            return LATER
        offset = self._at
        self._at = offset + end - _DATA
        frame.window(_DATA, end)
        status = self._write(self._client, self._app, offset, frame, end - _DATA)
        if status:
            frame.window(0, self._frame_size)
            return self._answer(status, out)
        return LATER

    def work(self, out: FrameWriter) -> int:
        """Sum up the next piece, of an app or of what is written."""
        if self._doing == _WRITE:
            return self._write_summed(out)
        count = self._read(self._app, self._at, self._piece, 0, _PIECE)
        if count:
            self._crc.feed(self._piece, 0, count)
            self._at += count
            return WORK
        self._crc.end()
        if self._doing == _SUM:
            self._head(0, _WORD, out)
            for half in (self._crc.low, self._crc.high):
                out.put(half & 0xFF)
                out.put(half >> 8 & 0xFF)
            return ANSWER
        frame = self._frame
        if u16(frame, 4) != self._crc.low or u16(frame, 6) != self._crc.high:
            return self._answer(ErrorCode.NOACK, out)
        return self._answer(self._finish(self._client, self._app), out)

    def _copy_next(self, out: FrameWriter) -> int:
        """Write the next piece of a copy; behind the last one, the copy takes the place of what was copied."""
        frame = self._frame
        count = self._read(self._from, self._at, frame, 0, PAGE)
        if count:
            frame.window(0, count)
            status = self._write(self._client, self._app, self._at, frame, count)
            self._at += count
            if status == 0:
                return LATER
            frame.window(0, self._frame_size)
            return self._answer(status, out)
        flags = self._flags_of(self._from)
        status = self._finish(self._client, self._app)
        if status == 0:
            status = self._set_flags(self._client, self._app, flags)
        if status == 0:
            status = self._drop(self._client, self._from)
        return self._answer_number(out) if status == 0 else self._answer(status, out)

    def _answer_number(self, out: FrameWriter) -> int:
        self._head(0, _WORD, out)
        out.put_word(self._app)
        return ANSWER

    # -- From the store ---------------------------------------------------------------------------

    def told(self, status: int, out: FrameWriter) -> int:
        """What was under way is over: as `serve`."""
        if self._doing == _WRITE or self._doing == _COPY:
            self._frame.window(0, self._frame_size)
        if status or self._doing == _COMMIT:
            self._is_open = False
        if self._doing == _COMMIT:
            if status == 0:
                self._trial.begin()
            self._trial.prepare(0)
        if self._doing == _COPY and status == 0:
            return self._copy_next(out)
        if self._doing == _ABORT and status == ErrorCode.CANCEL:
            status = 0
        if self._doing == _STAGE and status == 0:
            self._crc_app = self._app
            self._crc.begin()
            self._at = 0
            return self._answer_number(out)
        return self._answer(status, out)
