"""Whose the console's line is: the console of programs', or a protocol's whose opening pattern has come in.

Users get a Line each (capsules/hil/line.py); the first is the console's. As long as the line is its, what comes in is
searched for the patterns. The first bytes of one are withheld until it is sure whether it is one, or a second has passed.
While the console has it for any bytes, a pattern counts that stands alone: with silence before it, and after it, so that whoever
is at the other end gets in whatever a process does, and a transfer may have the same bytes in it.
What comes in while the console receives nothing waits, up to this capsule's buffer and what the driver has; once it has
waited for long, also if some of it was taken, it is only searched for patterns, and dropped.

Whatever is cut short finds at the next call what is left to be done: the line's new owner is set first, and those whose turn
changes are told after that.
"""

from typing import TYPE_CHECKING, Any, Callable

from cells import Buffer
from kernel import call_client, callback, deferred, shared
from micropython import const

from capsules.hil.line import LineClient
from capsules.hil.time import Alarm
from capsules.parts.lent import is_good
from capsules.parts.receptions import Receptions
from capsules.virtual.virtual_uart import UartDevice, UartMux

if TYPE_CHECKING:
    from capsules.virtual.last_words import LastWords

# What is known of a user.
_TURN = const(0)  # the client's callback, or None
_PATTERN = const(1)  # empty: the console's
_SECONDS = const(2)  # its time-out
_DEVICE = const(3)  # the number of the multiplexer's device by which it sends

_CONSOLE = const(0)  # the first user

_SHARED = const(0)  # capsules/hil/line.py
_ALONE = const(1)
_BINARY = const(2)

_STALE = const(5)  # seconds that what nobody receives waits for somebody
_LONGEST_PATTERN = const(4)
_TIME = const(0xFFFFFF)  # of a counter
_SILENCES = const(16)  # a second, of those around a pattern that stands alone
_ROUNDS = const(128)


class SessionLine:
    """One user's side of the line; a HIL Line."""

    def __init__(self, sessions: "ConsoleSessions", device: UartDevice, index: int) -> None:
        self._set_client, self._receive, self._abort, self._claim, self._active, self._remind, self._end = sessions.shared
        self.transmit = device.transmit
        self._index = index

    def set_client(self, client: LineClient) -> None:
        self._set_client(self._index, client.transmitted, client.received, client.turn)

    def receive(self, buffer: Buffer, length: int, least: int = 0) -> None:
        self._receive(self._index, buffer, length, least)

    def receive_abort(self) -> None:
        self._abort(self._index)

    def claim(self, how: int, seconds: int) -> None:
        self._claim(self._index, how, seconds)

    def active(self) -> None:
        self._active(self._index)

    def remind(self) -> None:
        self._remind(self._index)

    def end(self) -> None:
        self._end(self._index)


class ConsoleSessions:
    """Makes lines of a UART that is shared by `mux`. `alarm` is for the time-outs, `buffer` is where bytes come in."""

    def __init__(self, mux: UartMux, alarm: Alarm, buffer: Buffer, words: "LastWords | None" = None) -> None:
        self.words = words  # for those who make users of the line
        self.shared = (  # for the lines
            shared(self._set_client),
            shared(self._receive),
            shared(self._abort),
            shared(self._claim),
            shared(self._active),
            shared(self._remind),
            shared(self._end),
        )
        self._serve_later = deferred(self._serve)
        self._mux = mux
        self._uart = mux.new_device()  # receives for all, and sends for the console
        self._buffer = buffer
        self._size = len(buffer)
        self._receiving = False  # the buffer is the UART's
        self._begin = 0  # what is in the buffer
        self._end_at = 0
        self._users: "list[list[Any]]" = []
        self._receptions = Receptions()
        self._owner = _CONSOLE
        self._told = _CONSOLE  # whom the others know as the owner
        self._told_held = False
        self._how = _SHARED  # what the console has claimed
        self._claim_seconds = 0
        self._held = False  # others' bytes are held back for the console
        self._candidate = 0  # whose pattern has begun
        self._matched = 0  # bytes of it
        self._given = 0  # of these, passed on, since it was none
        self._failed = False  # so
        self._quiet = 0  # seconds since the owner's last sign of life
        self._reminds = False  # the console, when a second has passed
        self._waited = 0  # seconds for which nobody has taken what is there
        self._alarm = alarm
        self._second = int(alarm.frequency >> 8)
        self._silence = int(self._second // _SILENCES)
        self._heard = 0  # when something last came in for the console
        self._after_silence = False  # what is in the buffer
        self._listens = False  # whether the alarm is for the silence after a pattern
        self._ticking = False
        alarm.set_client(self._tick)
        self._uart.set_client(self)

    def new_line(self, pattern: bytes = b"", seconds: int = 0) -> SessionLine:
        """Make one more line, the console's first; only while the board is wired.

        A protocol has a pattern of 1 to 4 bytes, the first unlike the first of every other, and a time-out.
        """
        if len(self._users) == _CONSOLE:
            if pattern:
                raise ValueError("the first line is the console's, which has no pattern")
        elif not 1 <= len(pattern) <= _LONGEST_PATTERN or seconds < 1:
            raise ValueError("a protocol has a pattern of 1 to 4 bytes, and a time-out of 1 second at least")
        for user in self._users:
            if user[_PATTERN] and user[_PATTERN][0] == pattern[0]:
                raise ValueError("another protocol's pattern begins with the same byte")
        # Made here, where it is used: the line's user has no object of this capsule but what is wrapped.
        device = self._mux.new_device() if self._users else UartDevice(self._mux, self._uart.number)
        line = SessionLine(self, device, len(self._users))
        self._users.append([None, pattern, seconds, device.number])
        self._receptions.new_user()
        if pattern and not self._receiving:
            self._listen()
        return line

    # -- For the users ----------------------------------------------------------------------------

    def _set_client(
        self,
        index: int,
        transmitted: "Callable[..., None]",
        received: "Callable[..., None]",
        turn: "Callable[..., None]",
    ) -> None:
        user = self._users[index]
        self._mux.set_sender(user[_DEVICE], callback(transmitted))
        self._receptions.set_client(index, callback(received))
        user[_TURN] = callback(turn)

    def _receive(self, index: int, buffer: Buffer, length: int, least: int) -> None:
        self._receptions.check(index, buffer, length)
        self._receptions.begin(index, buffer, length, least)
        self._serve_later()

    def _abort(self, index: int) -> None:
        if self._receptions.is_begun(index):
            self._receptions.cancel(index)
            if self._receiving:
                self._uart.receive_abort()  # received() is called soon
            self._serve_later()

    def _claim(self, index: int, how: int, seconds: int) -> None:
        if index != _CONSOLE or not _SHARED <= how <= _BINARY:
            raise ValueError("only the console can claim the line, in one of three ways")
        self._how = how
        self._claim_seconds = seconds
        self._quiet = 0
        self._hold()
        self._serve_later()

    def _active(self, index: int) -> None:
        if index == self._owner:
            self._quiet = 0
            if self._how != _SHARED and not self._held:
                self._hold()
                self._serve_later()

    def _remind(self, index: int) -> None:
        if index == _CONSOLE:
            self._reminds = True
            self._serve_later()

    def _end(self, index: int) -> None:
        if index == self._owner and index != _CONSOLE:
            self._owner = _CONSOLE
            self._serve_later()

    # -- Turns ------------------------------------------------------------------------------------

    def _hold(self) -> None:
        """Let those send who may."""
        self._held = self._owner == _CONSOLE and self._how != _SHARED and self._quiet < self._claim_seconds
        self._mux.hold(self._users[self._owner][_DEVICE] if self._held or self._owner != _CONSOLE else -1)

    def _tell(self) -> None:
        """Tell those whose turn has changed."""
        owner, told = self._owner, self._told
        if owner != told:
            self._quiet = 0
            self._matched = 0
            self._hold()
            if self._receiving:
                self._uart.receive_abort()  # what was enough for the one is not for the other
            if not call_client(self._users[told][_TURN], 0):
                return  # it is told again the next time
        held = self._held
        if call_client(self._users[owner][_TURN], 2 if held else 1):
            self._told_held = held
            self._told = owner
        self._tick_later()

    def _tick_later(self) -> None:
        waiting = self._begin != self._end_at and self._waited < _STALE and len(self._users) > 1
        if self._matched and not self._failed and self._is_binary():
            if not self._listens:
                self._ticking = self._listens = True
                self._alarm.set_alarm(self._silence)
        elif not self._ticking and (self._owner != _CONSOLE or self._held or self._matched or self._reminds or waiting):
            self._ticking = True
            self._alarm.set_alarm(self._second)

    def _tick(self) -> None:
        """A second has passed; or the silence behind a pattern."""
        self._ticking = False
        if self._listens:
            self._listens = False
            if self._matched and self._matched == len(self._users[self._candidate][_PATTERN]) and self._begin == self._end_at:
                self._open()
        else:
            self._count_second()
        if self._matched:
            self._failed = True
        self._serve_later()  # where the stack is less deep: clients are called from there
        self._tick_later()

    def _count_second(self) -> None:
        self._quiet += 1
        if self._reminds and self._owner == _CONSOLE:
            self._told_held = not self._held  # so it is told
            self._reminds = False
        if self._owner != _CONSOLE:
            if self._quiet >= self._users[self._owner][_SECONDS]:
                self._owner = _CONSOLE
        elif self._held and self._quiet >= self._claim_seconds:
            self._hold()
        if (self._begin != self._end_at or self._matched) and self._waited < _STALE:
            self._waited += 1

    def _is_binary(self) -> bool:
        """Whether what comes in may be any bytes."""
        return self._owner == _CONSOLE and self._how == _BINARY and self._held

    # -- What comes in ----------------------------------------------------------------------------

    def transmitted(self, buffer: Buffer, length: int, status: int) -> None:
        """From the UART; the lines' clients are told instead."""

    def received(self, buffer: Buffer, length: int, status: int) -> None:
        """From the UART; once more if this was cut short, with the same bytes, which nobody has taken yet."""
        self._begin = 0
        self._end_at = length
        self._receiving = False
        if length:
            self._heed()
        self._serve_later()  # where the stack is less deep: clients are called from there

    def _heed(self) -> None:
        """Something has come in."""
        self._quiet = 0
        if self._owner == _CONSOLE:
            if self._how == _ALONE and not self._held:
                self._hold()
            now = self._alarm.now()
            self._after_silence = (now - self._heard) & _TIME > self._silence
            self._heard = now

    def _serve(self) -> None:
        """Do what there is to do."""
        tries = 2  # to tell those who fail
        for _ in range(_ROUNDS):  # one for each byte, and one for each client that is told
            if tries and (self._told != self._owner or self._told_held != self._held):
                tries -= 1
                self._tell()
            if not self._pass_on() and not self._hand_over():
                break
        receptions = self._receptions
        for index in range(len(self._users)):
            if receptions.is_begun(index):
                over = receptions.is_over(index)
                if not over and index not in (_CONSOLE, self._owner):
                    receptions.cancel(index)
                    over = True
                if over:
                    receptions.finish(index)
        if self._begin == self._end_at and not self._receiving:
            if len(self._users) > 1 or receptions.is_begun(_CONSOLE):
                self._listen()
        self._tick_later()

    def _listen(self) -> None:
        if is_good(self._buffer):
            self._uart.receive(self._buffer, self._size, self._enough())
        else:
            self._mux.go_on()  # this was cut short in the middle of that
        self._receiving = True

    def _enough(self) -> int:
        """How many bytes are worth a look: each may begin a pattern, but a protocol knows what it waits for."""
        owner = self._owner
        if owner == _CONSOLE or not self._receptions.is_begun(owner):
            return 1
        return min(max(self._receptions.missing(owner), 1), self._size)

    def _pass_on(self) -> bool:
        """Deal with some of what is there; False if nothing can be done."""
        if self._matched and self._failed:
            return self._release()
        at, end = self._begin, self._end_at
        if at == end:
            return False
        if self._owner == _CONSOLE:
            if self._matched:
                return self._match(at)
            limit = end
            if self._is_binary():
                limit = at + 1 if self._after_silence else at
                self._after_silence = False
            for index in range(1, len(self._users)):
                found = self._find(self._users[index][_PATTERN][0], at, limit)
                if found < limit:
                    limit = end = found
                    self._candidate = index
            if end == at:
                self._failed = False
                self._given = 0
                self._matched = 1
                self._begin = at + 1
                if len(self._users[self._candidate][_PATTERN]) == 1:
                    if not self._is_binary():
                        self._open()
                return True
        owner = self._owner
        count = min(self._receptions.room(owner), end - at)
        if count:
            self._receptions.fill(owner, self._buffer, at, count)
            if at + count == self._end_at:
                self._waited = 0
        elif self._waited == _STALE and len(self._users) > 1 and not self._receptions.is_begun(owner):
            count = end - at  # nobody wants it
        self._begin = at + count
        return count > 0

    def _find(self, byte: int, at: int, end: int) -> int:
        """Where the byte is in the buffer; `end` if it is not there."""
        buffer = self._buffer
        while at < end and int(buffer[at]) != byte:
            at += 1
        return at

    def _match(self, at: int) -> bool:
        pattern = self._users[self._candidate][_PATTERN]
        matched = self._matched + 1
        if matched > len(pattern) or self._buffer[at] != pattern[matched - 1]:
            self._failed = True
        elif matched == len(pattern) and not self._is_binary():
            self._open()
            self._begin = at + 1
        else:
            self._begin = at + 1
            self._matched = matched
            self._listens = False  # the silence begins from now on
        return True

    def _open(self) -> None:
        self._owner = self._candidate
        self._matched = 0

    def _release(self) -> bool:
        """Pass on what was withheld, since it is no pattern."""
        owner = self._owner
        count = min(self._receptions.room(owner), self._matched - self._given)
        if count:
            self._receptions.fill(owner, self._users[self._candidate][_PATTERN], self._given, count)
            self._given += count
        elif self._waited == _STALE and not self._receptions.is_begun(owner):
            self._given = self._matched
        if self._given == self._matched:
            self._matched = 0
            return True
        return count > 0

    def _hand_over(self) -> bool:
        """Give the line's owner what has come in, if that is enough. Whether it wants more."""
        return self._receptions.is_over(self._owner) and self._receptions.finish(self._owner)
