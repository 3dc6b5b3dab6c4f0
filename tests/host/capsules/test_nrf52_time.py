"""capsules/drivers/nrf52: rtc.py, timer.py, watchdog.py."""

from random import Random

import pytest
from hardware import FakeAlarm
from kernel import InterruptLine, Registers
from nrf52_chip import COUNTER_MASK, Rtc

from capsules.drivers.nrf52.rtc import RtcAlarm
from capsules.drivers.nrf52.timer import TimerAlarm
from capsules.drivers.nrf52.watchdog import Watchdog

HALF = 0x7FFFFF


class Bench:
    """An RTC, its driver, and a kernel's loop that is late at times, by up to ten milliseconds."""

    def __init__(self, seed: int, start: int = 0, slowest: int = 40) -> None:
        self.random = Random(seed)
        self.chip = Rtc(self.random, start, slowest)
        self.alarm = RtcAlarm(self.chip.registers, self.chip.line)
        self.alarm.set_client(self.fired)
        self.fired_at: list[int] = []
        self.late = 0

    def fired(self) -> None:
        self.fired_at.append(self.chip.tick)

    def service(self) -> None:
        """Wait for an interrupt, and serve it, perhaps late."""
        self.chip.advance_to_interrupt()
        delay = self.random.choice((0, 1, 20, 20, 32, 33, 64, 10_486))
        self.chip.advance(delay)
        self.late += delay + 2 * self.chip.slowest * 4
        self.chip.line.pending = False
        self.chip.line.handler()

    def until_fired(self) -> None:
        for _ in range(20):
            if self.fired_at:
                return
            self.service()
        raise AssertionError("the alarm was lost")


def a_delay(random: Random) -> int:
    return random.choice(
        (
            random.randrange(1, 4),
            random.randrange(1, 40),
            random.randrange(1, 100_000),
            random.randrange(1, HALF + 1),
            HALF,
        )
    )


@pytest.mark.parametrize("seed", range(10))
def test_of_a_thousand_alarms_none_is_early_and_none_is_lost(seed) -> None:
    bench = Bench(seed, start=Random(seed).randrange(COUNTER_MASK))
    rounds = bench.chip.tick
    for _ in range(1000):
        bench.chip.advance(bench.random.randrange(200))
        dt = a_delay(bench.random)
        bench.fired_at.clear()
        bench.late = 0
        at = bench.chip.tick
        bench.alarm.set_alarm(dt)
        bench.until_fired()
        (fired,) = bench.fired_at
        assert fired >= at + dt, "early"
        # Two ticks for a register that was written too near to the counter, the rest is the loop's lateness.
        assert fired <= at + dt + 4 + bench.late // Rtc.TICK
    assert bench.chip.tick - rounds > 100 * COUNTER_MASK


@pytest.mark.parametrize("dt", [1, 2, 3])
def test_the_nearest_alarms_come_within_four_ticks_of_an_attentive_kernel(dt) -> None:
    bench = Bench(1, slowest=4)
    bench.random.choice = lambda _: 0
    for step in range(2000):
        bench.chip.advance(step % 97)
        bench.fired_at.clear()
        at = bench.chip.tick
        bench.alarm.set_alarm(dt)
        bench.until_fired()
        assert at + dt <= bench.fired_at[0] <= at + dt + 3


def test_an_alarm_that_replaces_another_is_the_only_one() -> None:
    bench = Bench(3)
    for _ in range(2000):
        bench.fired_at.clear()
        bench.late = 0
        bench.alarm.set_alarm(bench.random.randrange(1, 6))
        bench.chip.advance(bench.random.randrange(100))
        at, dt = bench.chip.tick, bench.random.randrange(1, 5000)
        bench.alarm.set_alarm(dt)
        bench.until_fired()
        for _ in range(3):
            bench.service()
        (fired,) = bench.fired_at
        assert at + dt <= fired <= at + dt + 4 + bench.late // Rtc.TICK


def test_a_disarmed_alarm_does_not_go_off() -> None:
    bench = Bench(4)
    for dt in (1, 2, 3, 100):
        bench.alarm.set_alarm(dt)
        bench.alarm.disarm()
        for _ in range(3):
            bench.service()
    assert bench.fired_at == []


def test_an_alarm_set_from_the_callback_goes_off() -> None:
    bench = Bench(5)
    left = [1, 2, 1, 500, 1]

    def fired() -> None:
        bench.fired()
        if left:
            bench.alarm.set_alarm(left.pop())

    bench.alarm.set_client(fired)
    bench.alarm.set_alarm(1)
    for _ in range(40):
        if len(bench.fired_at) < 6:
            bench.service()
    assert len(bench.fired_at) == 6


def test_a_client_that_is_cut_short_is_called_again() -> None:
    """As the kernel calls the handler of a line once more that has failed: what was due may not have been seen to."""
    bench = Bench(7)
    failures = [RuntimeError(), RuntimeError()]

    def fired() -> None:
        if failures:
            raise failures.pop()
        bench.fired()

    bench.alarm.set_client(fired)
    bench.alarm.set_alarm(100)
    while failures:
        try:
            bench.service()
        except RuntimeError:
            bench.chip.line.trigger()
    bench.until_fired()
    for _ in range(3):
        bench.service()
    assert len(bench.fired_at) == 1


def test_the_frequency_is_that_of_a_32_bit_counter() -> None:
    assert Bench(6).alarm.frequency == 32768 * 256


# -- TIMER ------------------------------------------------------------------------------------------


class ChipTimer:
    """6.30, at 1 MHz: each access takes a random number of ticks."""

    def __init__(self, random: Random) -> None:
        self.random, self.time, self.cc, self.event, self.captured = random, 0, 0, False, 0
        self.line = InterruptLine(lambda: self.event)
        self.registers = Registers()
        self.registers.on_write = {0x044: self._capture, 0x140: self._clear, 0x540: self._compare}
        self.registers.on_read = {0x544: lambda: self.captured, 0x140: lambda: int(self.event)}

    def advance(self, ticks: int) -> None:
        ahead = (self.cc - self.time) & COUNTER_MASK or COUNTER_MASK + 1
        self.event = self.event or ahead <= ticks
        self.time += ticks

    def _capture(self, value: int) -> None:
        self.advance(self.random.randrange(6))
        self.captured = self.time & COUNTER_MASK

    def _clear(self, value: int) -> None:
        self.advance(self.random.randrange(6))
        self.event = False

    def _compare(self, value: int) -> None:
        self.advance(self.random.randrange(6))
        self.cc = value


def test_the_timers_alarms_are_neither_early_nor_lost() -> None:
    random = Random(7)
    chip = ChipTimer(random)
    alarm = TimerAlarm(chip.registers, chip.line)
    fired: list[int] = []
    alarm.set_client(lambda: fired.append(chip.time))
    for _ in range(5000):
        fired.clear()
        at, dt = chip.time, a_delay(random)
        alarm.set_alarm(dt)
        for _ in range(5):
            if not fired:
                if not chip.line.pending and not chip.event:
                    chip.advance((chip.cc - chip.time) & COUNTER_MASK or COUNTER_MASK + 1)
                chip.line.pending = False
                chip.line.handler()
        assert at + dt <= fired[0] <= at + dt + 60


def test_a_match_that_comes_a_tick_before_the_capture_is_not_lost() -> None:
    registers, line, fired = Registers(), InterruptLine(), []
    alarm = TimerAlarm(registers, line)
    alarm.set_client(lambda: fired.append(1))
    alarm.set_alarm(100)
    registers.words[0x544] = 99
    line.handler()
    assert fired == []
    assert line.pending
    registers.words[0x544] = 100
    line.handler()
    assert fired == [1]


# -- Watchdog ---------------------------------------------------------------------------------------


class Loop:
    """The kernel's loop, whose rounds raise a line."""

    def __init__(self) -> None:
        self.line = InterruptLine()

    def come_round(self) -> None:
        self.line.handler()


def a_watchdog(**words) -> tuple[Registers, Loop, FakeAlarm, list[int]]:
    registers, fed, loop, alarm = Registers(), [], Loop(), FakeAlarm(frequency=32768 * 256)
    registers.on_write[0x600] = fed.append
    if words:
        registers.words[0x508] = 1
    registers.words |= {int(offset[1:], 16): value for offset, value in words.items()}
    watchdog = Watchdog(registers, loop.line, alarm, 8)
    assert not fed
    watchdog.start()
    return registers, loop, alarm, fed


def test_the_watchdog_is_fed_by_the_kernels_loop_and_wakes_nobody_up() -> None:
    registers, loop, alarm, fed = a_watchdog()
    assert registers.words == {0x504: 8 * 32768 - 1, 0x508: 1, 0x50C: 0, 0x000: 1}
    assert fed == [0x6E524635]
    loop.come_round()
    assert fed == [0x6E524635] * 2
    assert alarm.due is None


def test_a_watchdog_that_a_bootloader_has_started_is_left_as_it_is() -> None:
    registers, loop, alarm, fed = a_watchdog(_400=1)
    loop.come_round()
    assert (registers.words, len(fed), alarm.due) == ({0x400: 1, 0x508: 1}, 2, None)


def test_each_reload_register_that_a_bootloader_has_named_is_written() -> None:
    registers, fed = Registers(), []
    for number in range(8):
        registers.on_write[0x600 + 4 * number] = lambda value, number=number: fed.append((number, value))
    registers.words |= {0x400: 1, 0x508: 0b10100001}
    loop = Loop()
    Watchdog(registers, loop.line, FakeAlarm(frequency=32768 * 256), 8).start()
    assert fed == [(number, 0x6E524635) for number in (0, 5, 7)]
    loop.come_round()
    assert len(fed) == 6


@pytest.mark.parametrize(("seconds", "feedings"), [(1, 4), (8, 4), (256, 4), (2**17 - 1, 2047)])
def test_one_that_runs_on_while_the_processor_sleeps_is_fed_in_its_time(seconds, feedings) -> None:
    words = {"_400": 1, "_50C": 1, "_504": seconds * 32768}
    registers, _loop, alarm, fed = a_watchdog(**words)
    assert registers.words == {0x400: 1, 0x508: 1, 0x50C: 1, 0x504: seconds * 32768}
    before = len(fed)
    alarm.pass_time(seconds * 32768)
    assert feedings <= len(fed) - before <= feedings + 1
