"""capsules/drivers/nrf52/{uarte,event_counter}.py on a model of the hardware, byte by byte, served late."""

from random import Random

import pytest
from cells import Buffer
from hardware import FakePin
from kernel import ErrorCode
from nrf52_chip import ChipUarte, UarteAlarm, UarteClock

from capsules.drivers.nrf52.event_counter import TimerCounter
from capsules.drivers.nrf52.uarte import Uarte

BYTE = ChipUarte.BYTE


class Bench:
    """The chip, the driver, a client that wants `wanted` bytes at a time, and a kernel's loop."""

    def __init__(
        self, flow_control=False, late_end=False, wanted=1, lateness=lambda: 0, counts_lost=False, crystal=0
    ) -> None:
        self.chip = ChipUarte(late_end, counts_lost)
        self.counter = TimerCounter(self.chip.counter.registers, self.chip.counter.line)
        self.rx = FakePin()
        self.rx.make_input(1)
        pins = (6, 8, 5, 7) if flow_control else (6, 8, -1, -1)
        self.clock, self.alarm = UarteClock(self.chip, crystal), UarteAlarm(self.chip)
        self.uart = Uarte(self.chip.registers, self.chip.line, self.counter, self.clock, self.alarm, self.rx, pins)
        self.uart.start()
        self.wakings = 0
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
            self.clock.look()
            self.alarm.look()
            asking = [line for line in (chip.line, chip.counter.line) if line.pending or line.level()]
            if asking:
                chip.advance(self.lateness())
                for line in asking:
                    self.wakings += 1
                    line.pending = False
                    line.handler()
            elif chip.time >= until:
                return
            elif chip.busy:
                chip.advance(10)
            else:  # nothing happens by itself
                nexts = [at for at in (self.clock.at, self.alarm.at) if at is not None]
                chip.advance(max(1, min([until, *nexts]) - chip.time))
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
def test_a_single_byte_is_there_at_once(flow_control, late_end) -> None:
    bench = Bench(flow_control, late_end)
    bench.receive()
    for byte in b"typing":
        bench.come(bytes([byte]))
        at = bench.chip.time
        bench.run(at + BYTE + 30)
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


@pytest.mark.parametrize("seed", range(8))
def test_bursts_with_any_pauses_lose_nothing(seed) -> None:
    random = Random(seed)
    bench = Bench(lateness=a_collection(random), wanted=random.choice((1, 1, 3, 64)))
    at, data = 1000, bytearray()
    for _ in range(300):
        burst = random.randbytes(random.choice((1, 1, 2, 5, 40, 300)))
        bench.come(burst, at)
        data += burst
        at += len(burst) * BYTE + random.choice((0, 100, 1000, 1500, random.randrange(20_000)))
    bench.receive()
    bench.run(at + 100_000)
    bench.again = False
    bench.uart.receive_abort()
    assert bench.chip.lost_bytes == 0
    assert bytes(bench.got) == bytes(data)


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
@pytest.mark.parametrize("counts_lost", [False, True])
@pytest.mark.parametrize("late_end", [False, True])
def test_when_nobody_receives_for_long_the_oldest_three_buffers_are_kept(flow_control, counts_lost, late_end) -> None:
    bench = Bench(flow_control, late_end, counts_lost=counts_lost)
    data = pattern(900)
    if flow_control:
        bench.chip.to_send += [(0, byte) for byte in data]
    else:
        bench.come(data)
    bench.run(900 * BYTE + 10_000)
    bench.receive()
    bench.run(1100 * BYTE + 100_000)
    if flow_control:
        assert (bytes(bench.got), bench.chip.lost_bytes) == (data, 0)
    else:
        assert bytes(bench.got) == data[: 3 * 256]
        assert bench.chip.lost_bytes >= 900 - 3 * 256 - ChipUarte.FIFO
    for word in (b"a", b"fter", b"wards"):
        before = len(bench.got)
        bench.come(word)
        bench.run(bench.chip.time + 20_000)
        assert bytes(bench.got[before:]) == word


@pytest.mark.parametrize("late_end", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_after_a_kernel_that_was_too_late_what_comes_is_right_again(seed, late_end) -> None:
    """The hardware may have filled a buffer twice meanwhile: nothing of that may be handed on as if it were whole."""
    random = Random(seed)
    bench = Bench(late_end=late_end, wanted=random.choice((1, 64)), counts_lost=bool(seed & 1))
    data = pattern(2000, seed)
    bench.receive()
    bench.come(data)
    bench.run(random.randrange(300) * BYTE)
    bench.chip.advance(random.randrange(500, 900) * BYTE)
    bench.run(2000 * BYTE + 100_000)
    bench.again = False
    bench.uart.receive_abort()
    # What was handed on is pieces of what was sent, in order.
    at = 0
    rest = bytes(bench.got)
    pieces = 0
    while rest:
        length = next(n for n in range(len(rest), 0, -1) if rest[:n] in data[at:])
        assert length >= 16 or length == len(rest), "bytes that nobody sent like that"
        at = data.index(rest[:length], at) + length
        rest = rest[length:]
        pieces += 1
    assert 1 <= pieces <= 4
    before = len(bench.got)
    bench.wanted, bench.again = 5, True
    bench.receive()
    bench.come(b"after")
    bench.run(bench.chip.time + 20_000)
    assert bytes(bench.got[before:]) == b"after"


@pytest.mark.parametrize("late_end", [False, True])
@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize("flow_control", [False, True])
def test_after_noise_the_count_is_right_again(late_end, counted, flow_control) -> None:
    """Whether a byte without a stop bit is counted, and whether it gets to memory, the driver need not know."""
    bench = Bench(flow_control, late_end)
    bench.receive()
    bench.come(b"four")
    bench.run(10_000)
    bench.chip.events[ChipUarte.ERROR] = 1
    if counted:
        bench.chip.counter.tick()
    bench.run(30_000)  # a pause, for there were few bytes before
    bench.come(b"more")
    bench.run(40_000)
    bench.got.pop(4) if counted and len(bench.got) > 8 else None  # the disturbed byte
    assert bytes(bench.got) == b"fourmore"


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


def test_the_kernel_is_woken_for_what_is_wanted_and_for_full_buffers_only() -> None:
    bench = Bench(wanted=64)
    bench.receive()
    bench.run(1000)
    before = bench.wakings
    bench.run(100_000)
    assert bench.wakings == before, "nothing happens on a silent line"
    bench.come(pattern(64 * 40))
    bench.run(500_000)
    assert len(bench.got) == 64 * 40
    # Each read: the target, and the request itself. Each buffer: its end and the next one's start.
    assert bench.wakings - before <= 2 * 40 + 2 * 10


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


def test_what_came_shortly_before_an_abort_is_for_the_next_who_receives() -> None:
    bench = Bench(wanted=2)
    bench.again = False
    bench.receive()
    bench.come(b"ab")
    bench.run(BYTE + 20)
    bench.uart.receive_abort()
    assert bytes(bench.got) == b"a"
    bench.wanted = 1
    bench.run(bench.chip.time + 10_000)
    bench.receive()
    bench.run(bench.chip.time + 10_000)
    assert (bytes(bench.got), bench.statuses) == (b"ab", [ErrorCode.CANCEL, 0])


# -- Power ---------------------------------------------------------------------------

LONG = 12_000_000  # microseconds: longer than the receiver lingers


@pytest.mark.parametrize("crystal", [0, 360])
@pytest.mark.parametrize("late_end", [False, True])
@pytest.mark.parametrize("flow_control", [False, True])
def test_when_nobody_receives_for_long_all_is_off_until_somebody_does(flow_control, late_end, crystal) -> None:
    bench = Bench(flow_control, late_end, wanted=3, crystal=crystal)
    bench.again = False
    words = bench.chip.registers.words
    for _ in range(2):
        bench.run(bench.chip.time + 1000)
        assert (words[0x500], bench.clock.claimed, bench.chip.on) == (8, True, True)
        if not bench.waiting:
            bench.receive()
        bench.run(bench.chip.time + 2 * LONG)
        assert bench.chip.on, "somebody waits for something"
        bench.come(b"abc") if not flow_control else bench.chip.to_send.extend((0, byte) for byte in b"abc")
        bench.run(bench.chip.time + 100_000)
        bench.run(bench.chip.time + 2 * LONG)
        assert (words[0x500], bench.clock.claimed, bench.chip.on) == (0, False, False)
        before = bench.wakings
        bench.run(bench.chip.time + 3 * LONG)
        assert bench.wakings == before, "it sleeps"
        bench.receive()
    assert bytes(bench.got) == b"abcabc"


def test_between_two_receptions_of_a_client_that_thinks_nothing_is_lost() -> None:
    bench = Bench(wanted=4)
    bench.again = False
    for word in (b"one ", b"two ", b"thre", b"four"):
        bench.come(word)
        bench.run(bench.chip.time + 7_000_000)
        bench.receive()
        bench.run(bench.chip.time + 10_000)
    assert bytes(bench.got) == b"one two threfour"
    assert bench.chip.lost_bytes == 0


@pytest.mark.parametrize("crystal", [0, 360])
def test_the_transmitter_is_on_while_there_is_something_to_send(crystal) -> None:
    bench = Bench(crystal=crystal)
    bench.run(LONG)
    words = bench.chip.registers.words
    assert words[0x500] == 0
    for text in (b"hello", b"again"):
        bench.send(text)
        bench.run(bench.chip.time + 4 * BYTE)
        assert (words[0x500], bench.clock.claimed) == (8, True)
        bench.run(bench.chip.time + 20 * BYTE)
        assert (words[0x500], bench.clock.claimed) == (0, False)
    assert bytes(bench.chip.sent) == b"helloagain"
    assert bench.sent == [5, 5]
    bench.receive()
    bench.run(bench.chip.time + 1000)
    bench.come(b"x")
    bench.run(bench.chip.time + 1000)
    assert bytes(bench.got) == b"x"


@pytest.mark.parametrize("seed", range(6))
def test_a_client_that_comes_back_while_the_receiver_is_stopped_is_served(seed) -> None:
    random = Random(seed)
    bench = Bench(late_end=bool(seed & 1), crystal=random.choice((0, 360)), lateness=lambda: random.randrange(200))
    bench.again = False
    for _ in range(8):
        bench.run(bench.chip.time + 10_000_000 - 500 + random.randrange(1000))
        if random.random() < 0.5:
            bench.send(b"out")
        bench.receive()
        bench.run(bench.chip.time + 2000)
        bench.come(b"y")
        bench.run(bench.chip.time + 2000)
    assert bytes(bench.got) == 8 * b"y"
