"""Nordic's DFU protocol over a serial port, the nRF52840 Dongle's bootloader at the other end.

Requests and responses are SLIP frames. A request is an operation and its parameters; a response is 0x60, the
operation, a result (1: success), and values. What is sent goes into an *object*: one for the init packet, then
one for each page or so of the firmware. An object is created, filled, its checksum compared, and executed. When
all bytes are there the bootloader checks their hash and restarts.
"""

import binascii
import struct
import time
from collections.abc import Callable
from typing import Protocol

from adder.errors import AdderError

CREATE, SET_RECEIPTS, CHECKSUM, EXECUTE, SELECT, MTU, WRITE, PING = 1, 2, 3, 4, 6, 7, 8, 9
RESPONSE = 0x60
SUCCESS = 1

COMMAND, DATA = 1, 2
"""The two kinds of object."""

RESULTS = {
    2: "it does not know the request",
    3: "a parameter is wrong",
    4: "its memory is full",
    5: "the image does not fit it, or is not for it",
    7: "it cannot do that now",
    8: "it does not allow that",
    10: "the request failed",
    11: "it does not take the package",
}

PATIENCE = 10.0
"""Seconds to wait for a response; erasing a page takes 85 ms."""

LONGEST = 20
"""Times as long may all of it take."""

SMALLEST = 256
"""Bytes of an object: every bootloader takes more; with fewer, a hundred thousand requests would be needed."""

_END, _ESCAPE, _ESCAPED_END, _ESCAPED_ESCAPE = 0xC0, 0xDB, 0xDC, 0xDD


class Port(Protocol):
    """What is needed of a serial port; `read` gives nothing after a while without a byte."""

    def read(self, size: int = 1) -> bytes: ...

    def write(self, data: bytes, /) -> int | None: ...


def slip_encode(data: bytes) -> bytes:
    """One frame, with its end."""
    escaped = data.replace(bytes([_ESCAPE]), bytes([_ESCAPE, _ESCAPED_ESCAPE]))
    return escaped.replace(bytes([_END]), bytes([_ESCAPE, _ESCAPED_END])) + bytes([_END])


def slip_decode(frame: bytes) -> bytes:
    """What is in a frame, which comes without its end."""
    unescaped = frame.replace(bytes([_ESCAPE, _ESCAPED_END]), bytes([_END]))
    return unescaped.replace(bytes([_ESCAPE, _ESCAPED_ESCAPE]), bytes([_ESCAPE]))


def _possible(size: int, smallest: int = 1) -> int:
    """A number of bytes that the bootloader takes at once."""
    if size < smallest:
        takes = f"only {size} bytes at once" if size > 0 else "nothing"
        raise AdderError(f"The bootloader says that it takes {takes}; unplug the board and try again.")
    return size


class Link:
    """A conversation with the bootloader."""

    def __init__(self, port: Port, patience: float | None = None) -> None:
        self._port = port
        self._patience = patience = PATIENCE if patience is None else patience
        self._payload = 0
        self._end = time.monotonic() + LONGEST * patience

    def begin(self) -> None:
        """Find out whether somebody is there, and how much one frame can carry."""
        deadline = time.monotonic() + self._patience
        self._send(PING, b"\x01")
        while self._frame(deadline)[:2] != bytes([RESPONSE, PING]):
            pass
        self._request(SET_RECEIPTS, struct.pack("<H", 0))
        (frame,) = self._ask("<H", MTU)
        # Each byte may need two; one is the operation, one the end.
        self._payload = _possible((frame - 1) // 2 - 1)

    def send_init_packet(self, packet: bytes) -> None:
        """Say what will come; with that, all progress of an earlier attempt is forgotten."""
        self._select(COMMAND)
        self._object(COMMAND, packet, 0, 0, lambda count: None)

    def send_firmware(self, firmware: bytes, progress: Callable[[int], None]) -> None:
        """Send all of it, in objects as large as the bootloader takes them."""
        largest = self._select(DATA)
        crc = 0
        for offset in range(0, len(firmware), largest):
            crc = self._object(DATA, firmware[offset : offset + largest], offset, crc, progress)

    def _select(self, kind: int) -> int:
        """The largest object of a kind."""
        largest, _offset, _crc = self._ask("<III", SELECT, bytes([kind]))
        return _possible(largest, SMALLEST if kind == DATA else 1)

    def _object(self, kind: int, data: bytes, offset: int, crc: int, progress: Callable[[int], None]) -> int:
        """Send an object that begins at `offset`, with `crc` so far; the CRC after it."""
        self._request(CREATE, struct.pack("<BI", kind, len(data)))
        for begin in range(0, len(data), self._payload):
            part = data[begin : begin + self._payload]
            self._send(WRITE, part)
            crc = binascii.crc32(part, crc)
            progress(len(part))
        received = self._ask("<II", CHECKSUM)
        if received != (offset + len(data), crc):
            raise AdderError("The bootloader received other bytes than were sent; unplug the board and try again.")
        self._request(EXECUTE)
        return crc

    def _ask(self, layout: str, operation: int, parameters: bytes = b"") -> tuple[int, ...]:
        """Send a request; the numbers in its response."""
        response = self._request(operation, parameters)
        if len(response) < struct.calcsize(layout):
            raise AdderError(f"The bootloader's answer is cut short ({response.hex()}); unplug the board.")
        return struct.unpack_from(layout, response)

    def _request(self, operation: int, parameters: bytes = b"") -> bytes:
        """Send a request; the values in its response."""
        self._send(operation, parameters)
        frame = self._frame(time.monotonic() + self._patience)
        if len(frame) < 3 or frame[:2] != bytes([RESPONSE, operation]):
            raise AdderError(f"The bootloader gave an answer that does not belong to the request ({frame.hex()}).")
        if frame[2] != SUCCESS:
            reason = RESULTS.get(frame[2], f"result {frame[2]}")
            extended = f", error {frame[3]}" if len(frame) > 3 else ""
            raise AdderError(f"The bootloader refused: {reason}{extended}.")
        return frame[3:]

    def _send(self, operation: int, parameters: bytes) -> None:
        self._port.write(slip_encode(bytes([operation]) + parameters))

    def _frame(self, deadline: float) -> bytes:
        """The next frame."""
        frame = bytearray()
        while (now := time.monotonic()) < deadline and now < self._end:
            byte = self._port.read(1)
            if byte == bytes([_END]):
                if frame:
                    return slip_decode(bytes(frame))
            else:
                frame += byte
        if now > self._end:
            raise AdderError("The bootloader answers, but comes to no end; unplug the board and try again.")
        raise AdderError("The bootloader does not answer; unplug the board and put it into its bootloader again.")
