"""A session with the board over its console's line, and the frames in it (capsules/deploy/requests.py).

A frame is bytes and then 0xFC and the number of a command; 0xFC among the bytes is sent twice. An answer has the number
that this side has made up for the session: an app that prints what looks like one cannot know it.
"""

import secrets
import struct
import time
import zlib
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

import serial

from adder.errors import AdderError

ESCAPE = 0xFC
SPEED = 115_200

PING, FINISH = 0x01, 0x22
PONG, ANSWER = 0x11, 0x40

ABOUT, APP, READ, BEGIN, STAGE, WRITE, COMPLETE, DROP, FLAGS = range(0x40, 0x49)
COMMIT, ABORT, END, RUN, SUM, COPY, TRIAL, SAID, SESSION = range(0x49, 0x52)

WORDS = {ABOUT: 7, APP: 10, STAGE: 1, SUM: 1, COPY: 1, TRIAL: 2}
"""Of an answer, at least."""

VERSION = 4
BLOCK = 512
"""Bytes of an app that are sent at once."""

_LONGEST_BEGINNING = 8
"""Bytes of what is looked for, and some: so many may be the beginning of an answer that is coming in."""

AT_ONCE = 64
"""Bytes that can be read at once."""

PATIENCE = 8.0
"""Seconds in which the board answers: a page is erased, an app has room, all is made true."""

LONGEST = 20
"""Times as long may a session last, however fast the answers come: a count that the board says is no promise."""

A_BLOCK = 1.0
"""Seconds more that it may last for each block that is sent."""

MOST_APPS, MOST_AT_ONCE, MOST_BLOCKS = 32, 8, 8
"""What a board of this version of the protocol may say of itself, at most."""

# Tock's error numbers, as far as the store uses them.
FAIL, BUSY, ALREADY, OFF, RESERVE, INVAL, SIZE, CANCEL, NOMEM, NOSUPPORT, NODEVICE, UNINSTALLED, NOACK = range(1, 14)


class Port(Protocol):
    """What is needed of a serial port."""

    timeout: float | None

    def read(self, size: int = 1) -> bytes: ...

    def write(self, data: bytes) -> int | None: ...

    def close(self) -> None: ...


class Refused(AdderError):
    """The board has answered with an error."""

    def __init__(self, status: int, message: str, command: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.command = command

    @property
    def is_garbled(self) -> bool:
        """Whether what arrived was not what was sent, as when the line loses bytes."""
        return (self.command == WRITE and self.status != FAIL) or (self.command == COMPLETE and self.status == NOACK)


def open_port(name: str) -> Port:
    """The serial port, for nobody else meanwhile."""
    try:
        port: Port = serial.Serial(name, SPEED, timeout=0.2, write_timeout=PATIENCE, exclusive=True)
    except (serial.SerialException, OSError) as error:
        if "exclusively lock" in str(error):
            raise AdderError(f"{name} is in use by another program; end that one first.") from None
        raise AdderError(f"{name} cannot be opened: {getattr(error, 'strerror', None) or error}.") from None
    return port


def escaped(data: bytes) -> bytes:
    """As it goes over the line."""
    return data.replace(b"\xfc", b"\xfc\xfc")


class Link:
    """A session; use it in a `with` statement. While it lasts, the line belongs to it."""

    def __init__(self, port: Port, patience: float = PATIENCE) -> None:
        self._port = port
        self._patience = patience
        self._longest = LONGEST * patience
        self._end = time.monotonic() + self._longest
        self._deaf = False
        self._received = bytearray()
        # No byte of it is one that is sent twice.
        self._session = bytes(secrets.randbelow(ESCAPE) for _ in range(3))

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self._port.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._send(bytes((ESCAPE, FINISH)))
        except AdderError:
            pass
        finally:
            self._port.close()

    def _open(self) -> None:
        answered = False
        for _ in range(5):
            self._send(bytes((ESCAPE, PING)))
            deadline = time.monotonic() + self._patience / 5
            while time.monotonic() < deadline:
                self._receive()
                if bytes((ESCAPE, PONG)) in self._received:
                    answered = True
                    if self._is_believed():
                        self._settle()
                        return
                del self._received[:-1]
        if answered:
            raise AdderError(
                f"The board answers, but not as version {VERSION} of the protocol has it: its kernel is older or newer "
                "than this tool, or an app prints what looks like answers."
            )
        raise AdderError(
            "The board does not answer: is it running, is this its console's port, and was its kernel built with "
            "CONFIG_CAPSULE_DEPLOY?"
        )

    def _is_believed(self) -> bool:
        """Whether it is the board that has answered, and not an app that prints what a board answers."""
        self.send(SESSION, int.from_bytes(self._session, "little"))
        deadline = time.monotonic() + self._patience / 5
        while time.monotonic() < deadline:
            if self._take(SESSION) is not None:
                self._received.clear()
                return True
            self._receive()
        return False

    def _settle(self) -> None:
        """Whatever a session has begun that was cut is forgotten; a board that speaks otherwise is told.

        One that has just been reset says BUSY until it has looked at all of its apps.
        """
        deadline = time.monotonic() + self._patience
        while True:
            try:
                self.ask(ABORT, accept=(RESERVE, INVAL, CANCEL))
                break
            except Refused as error:
                if error.status != BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        version = self.words(ABOUT)[0]
        if version != VERSION:
            raise AdderError(f"The board's kernel speaks version {version} of the protocol, this tool {VERSION}.")

    def go_on(self) -> None:
        """Somebody wants the session to last: from now on as long again."""
        self._end = time.monotonic() + self._longest

    def _check_time(self) -> None:
        if time.monotonic() > self._end:
            raise AdderError(
                f"The board answers and answers, and comes to no end within {self._longest:.0f} s; reset it, try again."
            )

    def _send(self, data: bytes) -> None:
        try:
            if self._deaf:
                raise serial.SerialTimeoutException
            self._port.write(data)
        except serial.SerialTimeoutException:
            self._deaf = True
            raise AdderError(
                "The board takes in nothing more of what is sent to it: reset it, and try again."
            ) from None
        except (serial.SerialException, OSError) as error:
            raise AdderError(f"The line to the board is gone: {error}.") from None

    def _receive(self) -> None:
        """What has come, or comes soon."""
        try:
            self._port.timeout = 0.05
            data = self._port.read(1)
            self._port.timeout = 0
            data += self._port.read(4096)
        except (serial.SerialException, OSError) as error:
            raise AdderError(f"The line to the board is gone: {error}.") from None
        self._received += data

    def _answer(self, command: int) -> tuple[int, bytes]:
        """The status and the data of the answer to it."""
        deadline = time.monotonic() + self._patience
        while True:
            found = self._take(command)
            if found is not None:
                return found
            self._check_time()
            if time.monotonic() > deadline:
                raise AdderError("The board has stopped answering; nothing of this has been changed, or all of it.")
            self._receive()

    def _take(self, command: int) -> tuple[int, bytes] | None:
        """The answer that has come whole, if one has; what came before it is none."""
        start = self._received.find(bytes((ESCAPE, ANSWER, command)) + self._session)
        if start < 0:
            del self._received[:-_LONGEST_BEGINNING]
            return None
        del self._received[:start]
        content = bytearray()
        at = 3 + len(self._session)
        while len(content) < 2 or len(content) < 2 + content[1]:
            if at >= len(self._received):
                return None
            byte = self._received[at]
            at += 1
            if byte == ESCAPE:
                if at >= len(self._received):
                    return None
                at += 1
            content.append(byte)
        del self._received[:at]
        return content[0], bytes(content[2:])

    # -- Commands ---------------------------------------------------------------------------------

    def send(self, command: int, *words: int, data: bytes = b"") -> None:
        """A command, without its answer."""
        self._check_time()
        payload = struct.pack(f"<{len(words)}I", *words) + data
        self._send(escaped(payload) + bytes((ESCAPE, command)))

    def ask(self, command: int, *words: int, data: bytes = b"", accept: tuple[int, ...] = ()) -> bytes:
        """A command and its answer's data. Refused, unless its status is 0 or accepted."""
        self.send(command, *words, data=data)
        return self._expect(command, accept)

    def _expect(self, command: int, accept: tuple[int, ...] = ()) -> bytes:
        status, data = self._answer(command)
        if status and status not in accept:
            raise Refused(status, sentence(command, status), command)
        return data

    def words(self, command: int, *words: int) -> tuple[int, ...]:
        """The same for an answer of words."""
        data = self.ask(command, *words)
        if len(data) < 4 * WORDS.get(command, 0):
            raise short(command)
        return struct.unpack_from(f"<{len(data) // 4}I", data)

    def read(self, number: int, offset: int, length: int) -> bytes:
        """Bytes of an app."""
        out = b""
        while len(out) < length:
            piece = self.ask(READ, number, offset + len(out), min(AT_ONCE, length - len(out)))
            if not piece:
                break
            out += piece
        return out[:length]

    def write(self, data: bytes, at_once: int, progress: Callable[[int], None]) -> int:
        """Stage an app whose bytes these are: its number. So many blocks are under way at a time."""
        number = self.words(STAGE, len(data))[0]
        blocks = iter(range(0, len(data), BLOCK))
        under_way: list[int] = []
        for offset in blocks:
            block = data[offset : offset + BLOCK]
            self._end += A_BLOCK
            self.send(WRITE, number, offset, data=block)
            under_way.append(len(block))
            while len(under_way) >= max(at_once, 1):
                self._expect(WRITE)
                progress(under_way.pop(0))
        for length in under_way:
            self._expect(WRITE)
            progress(length)
        self.ask(COMPLETE, number, zlib.crc32(data))
        return number


def short(command: int) -> AdderError:
    """The board has answered with less than there has to be."""
    return AdderError(f"The board's answer is cut short (command {command:#x}): the line loses bytes; try again.")


def sentence(command: int, status: int) -> str:
    """What a person is told."""
    if command == BEGIN and status == BUSY:
        return "Somebody else is changing the board's apps: an app that loads apps, perhaps; try again later."
    if command == BEGIN and status == NODEVICE:
        return (
            "The board's flash is full to the end, or has more than 32 apps, so nothing can be changed:"
            " make it anew with `adder image`."
        )
    if command == STAGE and status == NOMEM:
        return (
            "The board has no room in its flash for it, or as many apps as it can have (32): `adder apps` shows them."
        )
    if command == STAGE and status == INVAL:
        return "The app has a size that no app can have on this board."
    if command == STAGE and status == BUSY:
        return "Too many apps at once."
    if command == COMPLETE and status == NOACK:
        return "What arrived at the board is not what was sent: the line loses bytes; try again."
    if command == COMMIT and status == NOACK:
        return "The app is not the one whose SHA-256 it carries: it was damaged, or changed after it was made."
    if command == COPY and status == NOMEM:
        return "The board has no room in its flash to move the app to."
    if command == COMPLETE:
        return "The board finds no program in what was sent."
    if command == RUN and status == NOMEM:
        return "The board has not enough RAM in one piece for it; `adder apps` shows who has it."
    if command == RUN and status == RESERVE:
        return "The board runs as many apps as it can: stop another one first."
    if command == RUN and status == SIZE:
        return "The board's memory protection cannot cover the app where it lies."
    if status == FAIL:
        return "The board's flash does not take what is written to it."
    return f"The board refuses it (command {command:#x}, error {status})."
