"""What the console's line is to those who share it: a UART that belongs to one of them at a time.

A *protocol* has an opening pattern. Once that has come in, the line is the protocol's: it gets all bytes after the
pattern, nobody else's bytes go out, until it ends the session or has been sent nothing for its time-out.
"""

from typing import Protocol

from cells import Buffer

SHARED = 0
"""claim(): the line is the console's until a protocol's pattern comes in."""

ALONE = 1
"""The same, and nobody else sends."""

BINARY = 2
"""The same, and no pattern is looked for, since what comes in may be anything."""


class LineClient(Protocol):
    """A user of the line."""

    def transmitted(self, buffer: Buffer, length: int, status: int) -> None:
        """As a UartClient's."""

    def received(self, buffer: Buffer, length: int, status: int) -> None:
        """As a UartClient's. A protocol whose session is over gets what it had asked for with ErrorCode.CANCEL."""

    def turn(self, mine: int) -> None:
        """0: the line is somebody else's from now on; 1: this client's; 2: and it is the console's claim that is in force.

        It may be told the same twice.
        """


class Line(Protocol):
    """One user's side of the line. What it asks for while the line is somebody else's waits."""

    def set_client(self, client: LineClient) -> None:
        """Whom to call back."""

    def transmit(self, buffer: Buffer, length: int) -> None:
        """As a Uart's."""

    def receive(self, buffer: Buffer, length: int, least: int = 0) -> None:
        """As a Uart's."""

    def receive_abort(self) -> None:
        """As a Uart's; received() is called soon, and not from here."""

    def claim(self, how: int, seconds: int) -> None:
        """For the console: SHARED, ALONE or BINARY from now on.

        The last two last until `seconds` have passed in which neither anything came in nor active() was called, and begin
        again with the next of those.
        """

    def active(self) -> None:
        """For the console: its claim is in use."""

    def remind(self) -> None:
        """For the console: turn() is called, though nothing has changed, in a second or less."""

    def end(self) -> None:
        """For a protocol: its session is over. turn() is called soon, and not from here."""
