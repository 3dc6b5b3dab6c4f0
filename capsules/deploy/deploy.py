"""Speaks with tockloader and `adder` over the console's line, while programs go on.

A session begins with 0xFC 0x01 and ends with 0xFC 0x22, or when nothing has come for a while; what it has not made true is then
as if it had never been. One command at a time: what comes meanwhile waits with the line.
"""

from typing import TYPE_CHECKING

from cells import Buffer
from kernel import ErrorCode, ProcessControl, deferred
from micropython import const

from capsules.deploy.canonical import CanonicalList
from capsules.deploy.frames import NO_COMMAND, FrameReader, FrameWriter
from capsules.deploy.requests import ANSWER, FIRST, LAST, Requests
from capsules.deploy.tockloader import END, LATER, NONE, OK, PONG, WORK, WRITTEN, Tockloader, needs_store
from capsules.hil.line import Line
from capsules.hil.time import Alarm
from capsules.parts.lent import is_good
from capsules.virtual.app_store import AppStore

if TYPE_CHECKING:
    from capsules.deploy.trial import Trial
    from capsules.virtual.last_words import LastWords

PATTERN = b"\xfc\x01"
"""What begins a session."""

SECONDS = const(10)
"""In which something has to come."""

FRAME = const(524)
"""Bytes of the longest frame: a page and two words, and one that nothing else has."""

OUT = const(400)
"""Bytes of the longest answer, or piece of one: of 195, and each may be sent twice."""

NOTHING = const(-6)
PUT = const(-7)
"""An answer has been put as a whole."""

_BADARGS = const(0x14)
_INTERROR = const(0x13)


PIECE = const(64)
HEAD = const(16)

_LONG = const(516)  # bytes of a frame with a page
_SHORT = const(16)  # bytes of a frame after which it is surely one with a page
_ENDING = const(2)  # bytes that end a frame
_LOOKS = const(50)  # a second, at whether a frame goes on that was taken to be longer


class Deploy:
    """A client of the line and of the store. The buffers: where bytes come in, of any size; FRAME; OUT; PIECE; HEAD bytes.

    A frame with a page is taken from the line as a whole, or what is left of it, since a look at each byte would cost more
    than the line has time for. Whether it has been one after all, the alarm finds out.
    """

    def __init__(
        self,
        line: Line,
        store: AppStore,
        processes: ProcessControl,
        buffers: "tuple[Buffer, Buffer, Buffer, Buffer, Buffer]",
        attributes: "tuple[bytes, ...]",
        alarm: Alarm,
        asked: "tuple[Trial, LastWords | None]",
    ) -> None:
        block, frame, out, piece, head = buffers
        trial, words = asked
        self._go_on_later = deferred(self._go_on)
        self._line = line
        self._look, self._forget = store.look, store.abort
        self._client = store.new_client(self._told)
        shown = CanonicalList(store, head)
        self._tockloader = Tockloader(store, self._client, shown, frame, piece, attributes)
        self._requests = Requests(store, self._client, processes, trial, words, frame, piece)
        self._reader = FrameReader(frame)
        self._writer = FrameWriter(out)
        self._block = block
        self._size = len(block)
        self._out = out
        self._frame = frame
        self._frame_size = len(frame)
        self._open = False  # a session is
        self._receiving = False
        self._sending = False
        self._ending = False  # once all is sent
        self._greeting = False  # once what is being sent has gone
        self._waiting = False  # for the store
        self._orphaned = False  # so, with what a session has left that is over
        self._looking = False  # so, before the command that is there
        self._working = False
        self._reading = False  # the answer that is being sent has more
        self._answer = NOTHING  # what is to be sent: its number, or PUT
        self._leaving = False  # the session is over, which is to be dealt with
        self._is_told = False  # by the store
        self._status = 0
        self._is_request = False  # the last command was one of adder's
        self._at = 0  # of the block: what has not been taken
        self._end = 0
        self._alarm = alarm
        self._watches = False  # the alarm is set
        self._begun = False  # a reception, since it was
        self._likely = 0  # bytes of the next frame
        self._mistaken = False  # they have not come
        alarm.set_client(self._watched)
        line.set_client(self)

    # -- From the line and the store, which only take note: how deep the stack is there is theirs ---

    def turn(self, mine: int) -> None:
        """The session begins, or is over."""
        if mine and not self._open:
            self._open = True
            self._greeting = True
        elif not mine and self._open:
            self._open = False
            self._leaving = True
        self._go_on_later()

    def received(self, buffer: Buffer, length: int, status: int) -> None:
        """From the line."""
        self._receiving = False
        self._at = 0
        self._end = length if self._open else 0
        self._go_on_later()

    def transmitted(self, buffer: Buffer, length: int, status: int) -> None:
        """From the line."""
        self._sending = False
        self._go_on_later()

    def _told(self, status: int) -> None:
        """From the store."""
        self._waiting = False
        self._is_told = True
        self._status = status
        self._line.active()
        self._go_on_later()

    # -- One thing after the other ----------------------------------------------------------------

    def _go_on(self) -> None:
        """The next thing. Another one comes soon, unless the line or the store has to say something first."""
        if self._leaving:
            self._leave()
        elif self._is_told:
            self._is_told = False
            self._deal_with(self._status)
        elif self._greeting:
            self._greet()
        elif not self._open or self._sending:
            return
        elif self._answer != NOTHING:
            self._send()
        elif self._waiting:
            return
        elif self._working:
            self._finish(self._requests.work(self._writer) if self._is_request else self._tockloader.work(self._writer))
        elif self._reading:
            self._writer.go_on()
            self._reading = self._tockloader.more(self._writer)
            self._answer = PUT if self._reading else NOTHING
        elif self._ending:
            self._line.end()
            return
        elif self._at < self._end:
            self._at = self._reader.take(self._block, self._at, self._end)
            if self._reader.command != NO_COMMAND:
                self._serve()
        elif self._receiving:
            return
        else:
            self._receiving = self._begun = True
            self._line.receive(self._block, self._size, self._enough())
            return
        self._go_on_later()

    def _greet(self) -> None:
        """A session begins, whatever became of those before: what was cut short there is forgotten here."""
        self._sending = not is_good(self._out)
        self._receiving = not is_good(self._block)
        if self._sending:
            return  # an answer of the last one
        self._ending = self._reading = self._working = self._looking = self._watches = False
        self._at = self._end = self._likely = 0
        if is_good(self._frame):
            self._frame.window(0, self._frame_size)
        self._reader.forget()
        self._tockloader.begin()
        self._requests.begin()
        self._answer = PONG
        self._greeting = False

    def _enough(self) -> int:
        """How many bytes are worth a look."""
        there = self._reader.length
        left = max(self._likely, _LONG if there > _SHORT else 0) + _ENDING - there
        if left <= _ENDING or self._mistaken:
            self._mistaken = False
            return 1
        if not self._watches:
            self._watches = True
            self._begun = False
            self._alarm.set_alarm((int(self._alarm.frequency) >> 8) // _LOOKS)
        return min(left, int(self._size))

    def _watched(self) -> None:
        """From the alarm: what the line has is looked at, if nobody has done so since."""
        self._watches = False
        if self._receiving and self._open:
            if not self._begun:
                self._mistaken = True
                self._line.receive_abort()
                return
            self._watches = True
            self._begun = False
            self._alarm.set_alarm((int(self._alarm.frequency) >> 8) // _LOOKS)

    def _leave(self) -> None:
        """A session is over: what it has begun is forgotten."""
        self._tockloader.begin()
        self._requests.leave()
        self._waiting = self._forget(self._client) == 0 or self._waiting
        self._orphaned = self._waiting or self._is_told
        self._leaving = False

    def _deal_with(self, status: int) -> None:
        """What the store has told."""
        if self._orphaned:
            self._orphaned = False
            self._frame.window(0, self._frame_size)
        elif self._looking:
            self._looking = False
            self._serve()
        elif self._is_request:
            self._finish(self._requests.told(status, self._writer))
        else:
            self._finish(self._tockloader.told(status))

    def _serve(self) -> None:
        reader = self._reader
        command = reader.command
        self._is_request = FIRST <= command <= LAST
        if (self._is_request and command != LAST) or needs_store(command):
            status = self._look(self._client)
            if status == ErrorCode.OFF:
                self._looking = self._waiting = True
                return
            if status:
                reader.begin()
                if self._is_request:
                    self._finish(self._requests.refuse(command, status, self._writer))
                else:
                    self._answer = _INTERROR
                return
        length = reader.length
        reader.begin()
        self._likely = _LONG if command == 0x07 else 0
        if length >= self._frame_size:
            self._answer = _BADARGS
        elif self._is_request:
            self._finish(self._requests.serve(command, length, self._writer))
            self._likely = self._requests.next_frame()
        else:
            self._finish(self._tockloader.serve(command, length, self._writer))

    def _finish(self, answer: int) -> None:
        """Answer, or wait for what there is to wait for."""
        self._working = answer == WORK
        if answer == LATER:
            self._waiting = True
        elif answer == END:
            self._ending = True
        elif answer == WRITTEN:
            self._waiting = True
            self._answer = OK
        elif answer != NONE and answer != WORK:
            self._answer = PUT if answer in (ANSWER, 0x22, 0x23, 0x25) else answer

    def _send(self) -> None:
        """The answer that has been put, or one that is only a number."""
        answer = self._answer
        self._answer = NOTHING
        if answer != PUT:
            self._writer.begin(answer)
            self._reading = answer == 0x20
        self._sending = True
        self._line.transmit(self._out, self._writer.length)
