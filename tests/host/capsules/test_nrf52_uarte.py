"""capsules/drivers/nrf52/uarte.py on a model of the hardware, byte by byte, served late."""

from random import Random

import pytest
from cells import Buffer
from kernel import ErrorCode
from nrf52_chip import ChipUarte

from capsules.drivers.nrf52.uarte import Uarte

TICK = 1_000_000 / 32768
BYTE = ChipUarte.BYTE


class ChipAlarm:
    """A HIL Alarm on the model's time."""

    frequency = 32768 * 256

    def __init__(self, chip: ChipUarte) -> None:
        self.chip, self.due, self.fired = chip, None, None

    def set_client(self, fired) -> None:
        self.fired = fired

    def set_alarm(self, dt: int) -> None:
        assert dt >= 1
        self.due = self.chip.time + dt * TICK

    def disarm(self) -> None:
        self.due = None


class Bench:
    """The chip, the driver, a client that wants `wanted` bytes at a time, and a kernel's loop."""

    def __init__(self, flow_control=False, late_end=False, wanted=1, lateness=lambda: 0) -> None:
        self.chip = ChipUarte(late_end)
        self.alarm = ChipAlarm(self.chip)
        pins = (5, 7) if flow_control else (-1, -1)
        self.uart = Uarte(self.chip.registers, self.chip.line, self.alarm, 6, 8, *pins)
        self.wanted, self.lateness = wanted, lateness
        self.out, self.input = Buffer(64), Buffer(512)
        self.got = bytearray()
        self.statuses: list[int] = []
        self.sent: list[int] = []
        self.waiting = False
        self.again = True
        self.uart.set_client(self)

    def transmitted(self, buffer, length, status) -> None:
        assert buffer.give_back() is self.out
        self.sent.append(length)

    def received(self, buffer, length, status) -> None:
        buffer.give_back()
        self.waiting = False
        self.got += self.input.get(0, length)
        self.statuses.append(status)
        if self.again:
            self.receive()

    def receive(self) -> None:
        self.waiting = True
        self.uart.receive(self.input.move(self.uart), self.wanted)

    def send(self, data: bytes) -> None:
        self.out.set(0, data)
        self.uart.transmit(self.out.move(self.uart), len(data))

    def run(self, until: int) -> None:
        """The kernel's loop, until a time."""
        for _ in range(1_000_000):
            chip = self.chip
            due = self.alarm.due is not None and self.alarm.due <= chip.time
            if chip.line.pending or chip.asks() or due:
                chip.advance(self.lateness())
                if chip.line.pending or chip.asks():
                    chip.line.pending = False
                    chip.line.handler()
                if self.alarm.due is not None and self.alarm.due <= chip.time:
                    self.alarm.due = None
                    self.alarm.fired()
            elif chip.time >= until:
                return
            else:
                chip.advance(10)
        raise AssertionError("the interrupt never ends")

    def come(self, data: bytes, start: int | None = None) -> None:
        """Bytes follow each other without a pause."""
        start = self.chip.time if start is None else start
        self.chip.arriving += [(start + (i + 1) * BYTE, byte) for i, byte in enumerate(data)]


def pattern(length: int, seed: int = 0) -> bytes:
    return Random(seed).randbytes(length)


def test_a_transmission_goes_out_and_its_buffer_is_locked_meanwhile() -> None:
    bench = Bench()
    bench.send(b"hello")
    with pytest.raises(RuntimeError):
        len(bench.out)
    bench.run(4 * BYTE)
    assert bench.sent == []
    bench.run(6 * BYTE)
    assert (bytes(bench.chip.sent), bench.sent) == (b"hello", [5])
    bench.send(b"again")
    bench.run(20 * BYTE)
    assert bytes(bench.chip.sent) == b"helloagain"


@pytest.mark.parametrize("late_end", [False, True])
@pytest.mark.parametrize("flow_control", [False, True])
def test_a_single_byte_is_there_within_three_milliseconds(flow_control, late_end) -> None:
    bench = Bench(flow_control, late_end)
    bench.receive()
    for byte in b"typing":
        bench.come(bytes([byte]))
        at = bench.chip.time
        bench.run(at + 3_500)
        assert bench.got[-1:] == bytes([byte])
        bench.run(at + 50_000)
    assert (bytes(bench.got), bench.chip.lost_bytes) == (b"typing", 0)


def a_collection(random: Random):
    """Now and then the garbage collector has run for ten milliseconds before anybody looks."""
    return lambda: 10_000 if random.random() < 0.3 else random.randrange(60)


@pytest.mark.parametrize("wanted", [1, 7, 64, 300])
@pytest.mark.parametrize("seed", range(3))
def test_a_stream_at_full_speed_loses_nothing_while_garbage_is_collected(wanted, seed) -> None:
    bench = Bench(wanted=wanted, lateness=a_collection(Random(seed)))
    data = pattern(6000, seed)
    bench.receive()
    bench.come(data)
    bench.run(6000 * BYTE + 100_000)
    assert bench.chip.lost_bytes == 0
    whole = len(data) - len(data) % wanted
    assert bytes(bench.got) == data[:whole]
    bench.again = False
    bench.uart.receive_abort()
    assert bytes(bench.got) == data


@pytest.mark.parametrize("late_end", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_bursts_with_any_pauses_lose_a_byte_only_at_the_moment_of_a_restart(seed, late_end) -> None:
    random = Random(seed)
    bench = Bench(late_end=late_end, lateness=a_collection(random))
    at, count = 1000, 0
    for _ in range(300):
        data = random.randbytes(random.choice((1, 1, 2, 5, 40, 300)))
        bench.come(data, at)
        count += len(data)
        at += len(data) * BYTE + random.choice((0, 100, 1000, 1500, random.randrange(20_000)))
    bench.receive()
    bench.run(at + 100_000)
    assert len(bench.got) == count - bench.chip.lost_bytes
    assert all(why == "off" for _, why in bench.chip.lost)
    assert bench.chip.lost_bytes <= 6  # of some ten thousand


@pytest.mark.parametrize("late_end", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_with_flow_control_nothing_is_ever_lost_however_late_the_kernel_is(seed, late_end) -> None:
    random = Random(seed)
    bench = Bench(True, late_end, lateness=lambda: random.choice((0, 50, 10_000, 100_000)))
    at, data = 1000, bytearray()
    for _ in range(60):
        burst = random.randbytes(random.choice((1, 2, 5, 40, 300)))
        data += burst
        bench.chip.to_send += [(at, byte) for byte in burst]
        at += len(burst) * BYTE + random.choice((0, 100, 1500, random.randrange(20_000)))
    bench.receive()
    bench.run(at + 3_000_000)
    assert bench.chip.lost_bytes == 0
    assert bytes(bench.got) == bytes(data)


def test_what_comes_while_nobody_receives_waits() -> None:
    bench = Bench(wanted=3)
    bench.again = False
    bench.come(b"abcdef")
    bench.run(50_000)
    assert bytes(bench.got) == b""
    bench.receive()
    assert bench.waiting, "the answer comes from the kernel's loop"
    bench.run(60_000)
    assert bytes(bench.got) == b"abc"
    bench.receive()
    bench.run(70_000)
    assert bytes(bench.got) == b"abcdef"


@pytest.mark.parametrize("flow_control", [False, True])
def test_when_nobody_receives_for_long_the_oldest_two_buffers_are_kept(flow_control) -> None:
    bench = Bench(flow_control, wanted=1)
    data = pattern(700)
    if flow_control:
        bench.chip.to_send += [(0, byte) for byte in data]
    else:
        bench.come(data)
    bench.run(700 * BYTE + 10_000)
    bench.receive()
    bench.run(900 * BYTE + 100_000)
    assert bytes(bench.got[:512]) == data[:512]
    if flow_control:
        assert bytes(bench.got) == data
    else:
        assert len(bench.got) == 700 - bench.chip.lost_bytes
    bench.run(bench.chip.time + 10_000)
    before = len(bench.got)
    bench.come(b"after")
    bench.run(bench.chip.time + 20_000)
    assert bytes(bench.got[before:]) == b"after"


def test_an_abort_gives_what_has_come_at_once_and_the_rest_goes_to_the_next() -> None:
    bench = Bench(wanted=10)
    bench.again = False
    bench.receive()
    bench.come(b"abc")
    bench.run(10_000)
    bench.uart.receive_abort()
    bench.uart.receive_abort()
    assert (bytes(bench.got), bench.statuses) == (b"abc", [ErrorCode.CANCEL])
    bench.come(b"def")
    bench.wanted = 3
    bench.receive()
    bench.run(bench.chip.time + 10_000)
    assert (bytes(bench.got), bench.statuses[1:]) == (b"abcdef", [0])


@pytest.mark.parametrize("seed", range(3))
def test_a_client_that_comes_and_goes_gets_all_in_order(seed) -> None:
    random = Random(seed)
    bench = Bench(lateness=a_collection(random))
    bench.again = False
    data = pattern(3000, seed)
    at = 0
    for start in range(0, 3000, 30):
        bench.come(data[start : start + 30], at)
        at += 30 * BYTE + 15_000
    while bench.chip.time < at + 200_000:
        if not bench.waiting:
            bench.wanted = random.choice((1, 10, 64, 512))
            bench.receive()
        elif random.random() < 0.2:
            bench.uart.receive_abort()
        bench.run(bench.chip.time + random.randrange(20_000))
    bench.uart.receive_abort()
    assert bench.chip.lost_bytes == 0
    assert bytes(bench.got) == data


def test_a_client_that_fails_does_not_stop_the_hardware(log) -> None:
    bench = Bench()
    fine = bench.received

    def fails(buffer, length, status):
        fine(buffer, length, status)
        raise ValueError("no")

    bench.received = fails
    bench.uart.set_client(bench)
    bench.receive()
    bench.come(b"abc")
    bench.run(20_000)
    assert bytes(bench.got) == b"abc"
    assert log.text.count("callback failed") == 3


def test_nothing_happens_on_a_silent_line() -> None:
    bench = Bench()
    bench.receive()
    bench.run(1000)
    assert (bench.alarm.due, bench.chip.asks(), bench.chip.stop_at) == (None, False, None)


@pytest.mark.parametrize("offset", range(-40, 10))
def test_a_buffer_that_becomes_free_as_the_other_gets_full_is_filled_next(offset) -> None:
    """The driver sets up the next transfer at the very moment when the hardware might begin it."""
    bench = Bench(wanted=256)
    data = pattern(1000)
    bench.come(data)
    moment = 512 * BYTE + offset
    bench.run(moment - 100)
    bench.chip.advance(moment - bench.chip.time)
    bench.receive()
    bench.run(1000 * BYTE + 20_000)
    bench.uart.receive_abort()
    assert bench.chip.lost_bytes == 0
    assert bytes(bench.got) == data


def test_a_silence_that_begins_with_a_full_buffer_leaves_it_to_the_interrupt() -> None:
    bench, data = Bench(wanted=300), pattern(256)
    bench.receive()
    bench.come(data[:5])
    bench.run(600)  # the alarm is set
    bench.come(data[5:])
    bench.chip.advance(255 * BYTE)
    assert bench.chip.events[ChipUarte.ENDRX]
    bench.alarm.fired()
    bench.alarm.fired()
    bench.run(bench.chip.time + 10_000)
    bench.uart.receive_abort()
    assert bytes(bench.got) == data


def test_what_came_shortly_before_an_abort_is_for_the_next_who_receives() -> None:
    bench = Bench(wanted=2)
    bench.again = False
    bench.receive()
    bench.come(b"ab")
    bench.run(3 * BYTE)
    bench.uart.receive_abort()
    bench.run(bench.chip.time + 10_000)
    bench.receive()
    bench.run(bench.chip.time + 10_000)
    assert (bytes(bench.got), bench.statuses) == (b"ab", [ErrorCode.CANCEL, 0])
