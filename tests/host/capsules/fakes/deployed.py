"""A board with the protocol of capsules/deploy on its line, as a serial port for what speaks it."""

from app_flash import Board, program
from cells import Buffer
from hardware import FakeAlarm, FakeFlash
from kernel import run_deferred

from capsules.deploy.deploy import FRAME, HEAD, OUT, PIECE, Deploy
from capsules.deploy.trial import Trial
from capsules.virtual.last_words import LastWords

PAGE = 4096
PAGES = 32
ATTRIBUTES = (b"board", b"adder-sim", b"arch", b"cortex-m4", b"appaddr", b"0x00100000")


class FakeLine:
    """A HIL Line at which a protocol's session is opened and closed by tests."""

    def __init__(self) -> None:
        self.client = None
        self.sent = b""
        self.incoming = b""
        self._sending = None
        self._receiving = None
        self.ended = False
        self.aborted = False

    def set_client(self, client) -> None:
        self.client = client

    def transmit(self, buffer: Buffer, length: int) -> None:
        assert self._sending is None
        assert 1 <= length <= len(buffer)
        self._sending = buffer.move(self), length

    def receive(self, buffer: Buffer, length: int, least: int = 0) -> None:
        assert self._receiving is None
        self._receiving = buffer.move(self), length, least or length

    def receive_abort(self) -> None:
        """The callback comes soon, and not from here."""
        self.aborted = True

    def end(self) -> None:
        self.ended = True

    def active(self) -> None:
        pass

    def step(self) -> bool:
        """One thing that hardware does."""
        if self._sending is not None:
            (buffer, length), self._sending = self._sending, None
            self.sent += buffer.get(0, length)
            self.client.transmitted(buffer.give_back(), length, 0)
            return True
        if self.ended:
            self.ended = False
            self.close()
            return True
        if self.aborted:
            self.aborted = False
            if self._receiving is not None:
                (buffer, _, _), self._receiving = self._receiving, None
                self.client.received(buffer.give_back(), 0, 8)
                return True
        if self._receiving is not None and len(self.incoming) >= self._receiving[2]:
            (buffer, length, _), self._receiving = self._receiving, None
            piece, self.incoming = self.incoming[:length], self.incoming[length:]
            buffer.set(0, piece)
            self.client.received(buffer.give_back(), len(piece), 0)
            return True
        return False

    def open(self) -> None:
        self.client.turn(1)

    def close(self) -> None:
        self.client.turn(0)
        if self._receiving is not None:
            (buffer, _, _), self._receiving = self._receiving, None
            self.client.received(buffer.give_back(), 0, 8)


class Deployed(Board):
    """A board with the protocol on its line, as a serial port of pyserial for tockloader."""

    def __init__(self, data: bytearray, cut: int | None = None) -> None:
        super().__init__(data, FakeFlash(data, PAGE, cut))
        self.line = FakeLine()
        self.alarm = FakeAlarm()
        self.trial_alarm = FakeAlarm()
        self.deploy = Deploy(
            self.line,
            self.store,
            self.machine.control,
            (Buffer(256), Buffer(FRAME), Buffer(OUT), Buffer(PIECE), Buffer(HEAD)),
            ATTRIBUTES,
            self.alarm,
            (
                Trial(self.store, self.machine.control, self.trial_alarm),
                LastWords(Buffer(256 * self.machine.control.SLOTS), self.machine.control.SLOTS),
            ),
        )
        self.is_open = False
        self.lost_after: int | None = None  # bytes, and then nothing that is sent arrives
        self.pages = 0
        self.log: list[bytes] = []

    def run(self) -> None:
        for _ in range(1_000_000):
            run_deferred()
            self.machine.run()
            if self.flash.step() or not hasattr(self, "line") or self.line.step():
                continue
            if self.alarm.due is None or not self.line.incoming:
                return
            self.alarm.fire()  # a frame was shorter than expected
        raise AssertionError("it does not come to rest")

    # As serial.Serial.

    def write(self, data: bytes) -> None:
        if self.lost_after is not None:
            data = data[: max(self.lost_after, 0)]
            self.lost_after -= len(data)
        self.log.append(data)
        if not self.is_open:
            _, pattern, data = data.partition(b"\xfc\x01")
            if not pattern:
                return
            self.is_open = True
            self.line.open()
        if data.endswith(b"\xfc\x22"):
            self.is_open = False
        self.line.incoming += data
        self.run()

    def read(self, count: int = 1) -> bytes:
        data, self.line.sent = self.line.sent[:count], self.line.sent[count:]
        return data

    def close(self) -> None:
        pass


def sizes() -> list[bytes]:
    return [program(f"app{n}", size, fill=n) for n, size in enumerate((768, 2048, 512, 4096, 1024))]


def with_apps() -> bytearray:
    data = bytearray(b"\xff" * (PAGE * PAGES))
    board = Board(data, FakeFlash(data, PAGE)).booted()
    for app in sizes():
        assert board.change(("install", app)) == 0
    return data
