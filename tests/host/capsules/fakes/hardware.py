"""Fake HILs: an LED, a 24-bit clock with one alarm, a UART. They hold the capsules to the HILs' terms."""

from collections.abc import Callable

from cells import Buffer
from kernel import ErrorCode

MASK = 0xFFFFFF


class FakeLed:
    """A HIL Led."""

    def __init__(self) -> None:
        self.lit = False

    def on(self) -> None:
        self.lit = True

    def off(self) -> None:
        self.lit = False

    def toggle(self) -> None:
        self.lit = not self.lit

    def is_on(self) -> bool:
        return self.lit


class FakeAlarm:
    """A HIL Alarm. `time` counts for ever; the counter is its lower 24 bits.

    `creep` ticks pass at each look at the counter, as they may while code runs.
    """

    def __init__(self, start: int = 0, frequency: int = 25_000_000, creep: int = 0) -> None:
        self.frequency = frequency
        self.time = start
        self.creep = creep
        self.due: int | None = None
        self._fired: Callable[[], None] | None = None

    def now(self) -> int:
        self.time += self.creep
        return self.time & MASK

    def set_client(self, fired: Callable[[], None]) -> None:
        self._fired = fired

    def set_alarm(self, dt: int) -> None:
        assert 1 <= dt <= MASK // 2, f"set_alarm({dt}) breaks the HIL's terms"
        self.due = self.time + dt

    def disarm(self) -> None:
        self.due = None

    def fire(self) -> None:
        """The interrupt."""
        assert self._fired is not None
        self.due = None
        self._fired()

    def pass_time(self, ticks: int, lateness: Callable[[], int] = lambda: 0) -> None:
        """Let time pass; each interrupt comes as late as `lateness()` says."""
        end = self.time + ticks
        while self.due is not None and self.due <= end:
            self.time = max(self.time, self.due + lateness())
            self.fire()
        self.time = max(self.time, end)


class FakeUart:
    """A HIL Uart. Tests say when a transmission ends and which bytes come in."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self._client: object = None
        self._sending: tuple[Buffer, int] | None = None
        self._receiving: tuple[Buffer, int] | None = None
        self._at = 0

    @property
    def sent(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def is_sending(self) -> bool:
        return self._sending is not None

    @property
    def is_receiving(self) -> bool:
        return self._receiving is not None

    def set_client(self, client: object) -> None:
        self._client = client

    def transmit(self, buffer: Buffer, length: int) -> None:
        assert self._sending is None, "two transmissions at a time"
        assert 1 <= length <= len(buffer)
        self._sending = buffer.move(self), length

    def finish(self) -> None:
        """The transmission under way has ended."""
        assert self._sending is not None, "nothing is being sent"
        (buffer, length), self._sending = self._sending, None
        self.chunks.append(buffer.get(0, length))
        self._client.transmitted(buffer.give_back(), length, 0)

    def finish_all(self) -> None:
        for _ in range(10_000):
            if self._sending is None:
                return
            self.finish()
        raise AssertionError("the transmissions never end")

    def receive(self, buffer: Buffer, length: int) -> None:
        assert self._receiving is None, "two receptions at a time"
        assert 1 <= length <= len(buffer)
        self._receiving, self._at = (buffer.move(self), length), 0

    def _finish_receive(self, status: int) -> None:
        (buffer, _), self._receiving = self._receiving, None
        self._client.received(buffer.give_back(), self._at, status)

    def receive_abort(self) -> None:
        if self._receiving is not None:
            self._finish_receive(ErrorCode.CANCEL)

    def feed(self, data: bytes) -> bytes:
        """Bytes come in; returns those that nobody was waiting for."""
        for index, byte in enumerate(data):
            if self._receiving is None:
                return data[index:]
            buffer, length = self._receiving
            buffer[self._at] = byte
            self._at += 1
            if self._at == length:
                self._finish_receive(0)
        return b""
