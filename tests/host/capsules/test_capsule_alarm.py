"""capsules/core/alarm.py and capsules/virtual/virtual_alarm.py: never early, never lost."""

from dataclasses import dataclass

import pytest
from hardware import FakeAlarm
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel import ErrorCode, Machine

from capsules.core.alarm import DRIVER_NUM, LAYOUT, AlarmDriver
from capsules.virtual.virtual_alarm import AlarmMux

EXISTS, FREQUENCY, NOW, STOP, RELATIVE, ABSOLUTE, WITHOUT_END = 0, 1, 2, 3, 5, 6, 32
ROUND = 1 << 24
HALF = ROUND // 2 - 1
U32 = 1 << 32
# The driver looks at the counter every half round; later than this after a look, a whole round may have
# passed unseen. The rest is for the time that code takes. (86 seconds at 25 MHz / 256.)
LATEST = ROUND // 2 - 10_000

starts = st.one_of(st.integers(0, 3 * ROUND), st.sampled_from([0, ROUND - 1, ROUND, ROUND // 2, 5 * ROUND - 2]))
u32s = st.one_of(
    st.sampled_from([0, 1, 255, 256, 257, 0x7FFFFFFF, 0x80000000, U32 - 257, U32 - 256, U32 - 255, U32 - 1]),
    st.integers(0, U32 - 1),
    st.integers(0, 100_000),
)
latenesses = st.one_of(st.integers(0, 100), st.integers(0, LATEST), st.just(LATEST))


class World:
    """Some processes on one alarm."""

    def __init__(self, start: int = 0, processes: int = 1, creep: int = 0) -> None:
        self.clock = FakeAlarm(start, creep=creep)
        self.machine = Machine()
        self.mux = AlarmMux(self.clock)
        grant = self.machine.grant(DRIVER_NUM, LAYOUT)
        driver = AlarmDriver(self.mux.for_processes, self.mux.new_alarm(), grant)
        self.machine.serve(grant, driver.command)
        self.apps = [self.machine.process() for _ in range(processes)]

    @property
    def ticks(self) -> int:
        """The time as processes see it, before it wraps."""
        return self.clock.time << 8


def test_the_frequency_and_the_time_are_those_of_the_shifted_counter() -> None:
    world = World(start=3 * ROUND + 0xABCDEF)
    assert world.apps[0].command(DRIVER_NUM, EXISTS) == ()
    assert world.apps[0].command(DRIVER_NUM, FREQUENCY) == (25_000_000,)
    assert world.apps[0].command(DRIVER_NUM, NOW) == (0xABCDEF00,)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, ROUND - 1), st.lists(st.integers(0, 5 * ROUND), max_size=5), latenesses, st.booleans())
def test_the_time_without_end_misses_no_turn_however_seldom_it_is_asked_for(start, waits, lateness, alarm) -> None:
    world = World(start, processes=2)
    for wait in (0, *waits):
        if alarm:
            world.apps[1].command(DRIVER_NUM, RELATIVE, wait & U32 - 1)
        world.clock.pass_time(wait, lambda: lateness % (ROUND // 16))
        low, turns = world.apps[0].command(DRIVER_NUM, WITHOUT_END)
        assert turns << 24 | low == world.clock.time
        assert world.apps[1].command(DRIVER_NUM, NOW) == (low << 8,)


def test_who_does_not_ask_for_the_time_without_end_does_not_pay_for_it() -> None:
    world = World()
    world.apps[0].command(DRIVER_NUM, FREQUENCY)
    world.apps[0].command(DRIVER_NUM, NOW)
    assert world.clock.due is None


@pytest.mark.parametrize("command", [4, 7, 0x80000000, U32 - 1])
def test_an_unknown_command_is_not_supported(command) -> None:
    assert World().apps[0].command(DRIVER_NUM, command) == ErrorCode.NOSUPPORT


def test_stop_without_an_alarm_says_already() -> None:
    world = World()
    assert world.apps[0].command(DRIVER_NUM, STOP) == ErrorCode.ALREADY
    world.apps[0].command(DRIVER_NUM, RELATIVE, 0)
    assert world.apps[0].command(DRIVER_NUM, STOP) == ErrorCode.ALREADY


def test_a_process_without_memory_for_the_grant_gets_nomem_and_the_others_go_on() -> None:
    world = World(processes=2)
    world.apps[0].grants_left = 0
    assert world.apps[0].command(DRIVER_NUM, RELATIVE, 1000) == ErrorCode.NOMEM
    world.apps[1].command(DRIVER_NUM, RELATIVE, 1024)
    world.clock.pass_time(4)
    assert world.apps[1].upcalls == [(DRIVER_NUM, 0, 1024, 1024, 0)]


@given(starts)
def test_an_alarm_after_0_ticks_goes_off_at_once(start) -> None:
    world = World(start)
    assert world.apps[0].command(DRIVER_NUM, RELATIVE, 0) == (start << 8 & 0xFFFFFFFF,)
    assert len(world.apps[0].upcalls) == 1


@given(starts)
def test_the_longest_alarm_goes_off_after_one_whole_round_and_not_before(start) -> None:
    world = World(start)
    world.apps[0].command(DRIVER_NUM, RELATIVE, U32 - 1)
    world.clock.pass_time(ROUND - 1)
    assert world.apps[0].upcalls == []
    world.clock.pass_time(1)
    assert len(world.apps[0].upcalls) == 1


@given(starts, st.integers(0, ROUND - 1), u32s)
def test_an_absolute_alarm_whose_time_has_passed_goes_off_at_once(start, ago, dt) -> None:
    world = World(start + ROUND)
    reference = (world.ticks - (ago << 8)) & 0xFFFFFFFF
    expected = -(-dt // 256) - ago  # whole ticks of the hardware from now
    world.apps[0].command(DRIVER_NUM, ABSOLUTE, reference, dt)
    if expected > 0:
        assert world.apps[0].upcalls == []
        world.clock.pass_time(expected - 1)
        assert world.apps[0].upcalls == []
        world.clock.pass_time(1)
    assert len(world.apps[0].upcalls) == 1


@given(starts, u32s)
def test_the_upcall_says_when_it_is_and_when_it_should_have_been(start, dt) -> None:
    world = World(start)
    begin = world.ticks
    (expiry,) = world.apps[0].command(DRIVER_NUM, RELATIVE, dt)
    world.clock.pass_time(2 * ROUND, lambda: 5)
    ((_, number, now, was_due, zero),) = world.apps[0].upcalls
    assert (number, was_due, zero) == (0, expiry, 0)
    assert expiry == (begin + -(-dt // 256) * 256) % U32
    assert (now - expiry) % U32 <= 5 << 8


def test_stop_works_and_leaves_the_others_alarms() -> None:
    world = World(processes=2)
    for app in world.apps:
        app.command(DRIVER_NUM, RELATIVE, 2560)
    assert world.apps[0].command(DRIVER_NUM, STOP) == ()
    world.clock.pass_time(10)
    assert (len(world.apps[0].upcalls), len(world.apps[1].upcalls)) == (0, 1)
    assert world.clock.due is None


def test_setting_an_alarm_again_replaces_it() -> None:
    world = World()
    world.apps[0].command(DRIVER_NUM, RELATIVE, 256)
    world.apps[0].command(DRIVER_NUM, RELATIVE, 2560)
    world.clock.pass_time(9)
    assert world.apps[0].upcalls == []
    world.clock.pass_time(1)
    assert len(world.apps[0].take_upcalls()) == 1
    world.clock.pass_time(3 * ROUND)
    assert world.apps[0].upcalls == []


def test_an_ended_process_is_forgotten_and_its_next_life_gets_no_upcall_of_the_last() -> None:
    world = World(processes=2)
    world.apps[0].command(DRIVER_NUM, RELATIVE, 2560)
    world.apps[0].restart()
    assert world.apps[0].command(DRIVER_NUM, STOP) == ErrorCode.ALREADY
    world.apps[1].command(DRIVER_NUM, RELATIVE, 5120)
    world.clock.pass_time(20)
    assert world.apps[0].upcalls == []
    assert len(world.apps[1].upcalls) == 1
    world.apps[1].command(DRIVER_NUM, RELATIVE, 2560)
    world.apps[1].end()
    world.clock.pass_time(ROUND)
    assert world.clock.due is None


def test_an_alarm_that_finds_the_queue_full_has_a_place_which_the_newest_takes() -> None:
    world = World()
    for _ in range(15):
        world.apps[0].command(DRIVER_NUM, RELATIVE, 0)
    assert len(world.apps[0].take_upcalls()) == 11
    world.apps[0].command(DRIVER_NUM, RELATIVE, 256)
    world.clock.pass_time(1)
    assert len(world.apps[0].upcalls) == 1


@dataclass
class Expected:
    earliest: int  # in ticks, never wrapping; whole ticks of the hardware
    order: int


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_alarm_is_early_or_lost_whatever_happens(data) -> None:
    """Any processes, alarms, stops, deaths and late interrupts, over many rounds of the counter."""
    count = data.draw(st.integers(1, 6), "processes")
    creep = data.draw(st.integers(0, 2), "creep")
    world = World(data.draw(starts, "start"), count, creep)
    clock = world.clock
    pending: dict[int, int] = {}  # process: time from which on its alarm may go off
    seen: dict[int, int] = dict.fromkeys(range(count), 0)

    def check(slack: int) -> None:
        for slot, app in enumerate(world.apps):
            for _, _, now, expiry, _ in app.take_upcalls():
                assert slot in pending, "an upcall without an alarm"
                due = pending.pop(slot)
                assert clock.time >= due, "early"
                assert (due << 8) % U32 == expiry
                assert (clock.time - (now >> 8)) % ROUND < 30 * count
                seen[slot] += 1
            if slot in pending:
                assert clock.time < pending[slot] + slack + 20 * count, "lost"

    for _ in range(data.draw(st.integers(1, 25), "steps")):
        slot = data.draw(st.integers(0, count - 1))
        app = world.apps[slot]
        action = data.draw(st.sampled_from(["relative", "absolute", "pass", "pass", "stop", "restart"]))
        if action == "relative":
            dt = data.draw(u32s)
            before = clock.time
            (expiry,) = app.command(DRIVER_NUM, RELATIVE, dt)
            at = before + creep + -(-dt // 256)  # the driver looks once for the reference
            assert expiry == (at << 8) % U32
            pending[slot] = at
        elif action == "absolute":
            dt, ago = data.draw(u32s), data.draw(st.integers(0, min(clock.time, ROUND // 2)))
            fraction = data.draw(st.integers(0, 255))
            reference = ((clock.time - ago) << 8) + fraction
            app.command(DRIVER_NUM, ABSOLUTE, reference % U32, dt)
            pending[slot] = -(-(reference + dt) // 256)
        elif action == "stop":
            answer = app.command(DRIVER_NUM, STOP)
            assert answer == (() if slot in pending else ErrorCode.ALREADY)
            # It may have gone off while stop() looked at the counter; else it never will.
            app.take_upcalls()
            pending.pop(slot, None)
        elif action == "restart":
            app.restart()
            pending.pop(slot, None)
        else:
            late = data.draw(latenesses)
            ticks = data.draw(st.one_of(st.integers(0, 1000), st.integers(0, 3 * ROUND)))
            end = clock.time + ticks
            while clock.due is not None and clock.due <= end:
                clock.time = max(clock.time, clock.due + late)
                clock.fire()
                check(late)
            clock.time = max(clock.time, end)
        check(LATEST)
    end = clock.time + 3 * ROUND
    while pending and clock.due is not None and clock.due <= end:
        clock.pass_time(max(0, clock.due - clock.time))
        check(0)
    assert not pending


@settings(max_examples=50, deadline=None)
@given(starts, st.lists(st.integers(0, 2 * ROUND * 256 - 1).map(lambda t: t % U32), min_size=2, max_size=8))
def test_alarms_go_off_in_the_order_of_their_times(start, times) -> None:
    world = World(start, len(times))
    for app, dt in zip(world.apps, times, strict=True):
        app.command(DRIVER_NUM, RELATIVE, dt)
    order: list[int] = []
    for _ in range(1000):
        order += [slot for slot, app in enumerate(world.apps) if app.take_upcalls()]
        if world.clock.due is None:
            break
        world.clock.pass_time(world.clock.due - world.clock.time)
    assert [-(-times[slot] // 256) for slot in order] == sorted(-(-dt // 256) for dt in times)


# -- The multiplexer alone ----------------------------------------------------------------------


class Virtual:
    """An alarm of the mux that notes when it goes off."""

    def __init__(self, clock: FakeAlarm, mux: AlarmMux) -> None:
        self.alarm = mux.new_alarm()
        self.alarm.set_client(self.fired)
        self.clock = clock
        self.at: list[int] = []
        self.then: list = []

    def fired(self) -> None:
        self.at.append(self.clock.time)
        if self.then:
            self.then.pop(0)()


@pytest.fixture
def clock() -> FakeAlarm:
    return FakeAlarm(ROUND - 3)


@pytest.fixture
def alarms(clock) -> list[Virtual]:
    mux = AlarmMux(clock)
    return [Virtual(clock, mux) for _ in range(3)]


def test_virtual_alarms_run_beside_each_other(clock, alarms) -> None:
    for alarm, dt in zip(alarms, (30, 10, LATEST), strict=True):
        alarm.alarm.set_alarm(dt)
    clock.pass_time(ROUND)
    assert [a.at for a in alarms] == [[ROUND + 27], [ROUND + 7], [ROUND - 3 + LATEST]]
    assert clock.due is None


def test_a_client_may_set_its_own_alarm_again_from_its_callback(clock, alarms) -> None:
    alarms[0].then = [lambda: alarms[0].alarm.set_alarm(5)] * 3
    alarms[0].alarm.set_alarm(5)
    clock.pass_time(100)
    assert alarms[0].at == [ROUND - 3 + 5 * n for n in (1, 2, 3, 4)]


def test_a_client_may_disarm_another_from_its_callback_even_one_that_is_due(clock, alarms) -> None:
    alarms[0].then = [alarms[1].alarm.disarm]
    alarms[0].alarm.set_alarm(5)
    alarms[1].alarm.set_alarm(5)
    clock.pass_time(100)
    assert (len(alarms[0].at), alarms[1].at) == (1, [])


def test_a_client_may_set_an_earlier_alarm_from_its_callback_late(clock, alarms) -> None:
    alarms[2].then = [lambda: alarms[0].alarm.set_alarm(7)]
    alarms[2].alarm.set_alarm(5)
    clock.pass_time(1000, lambda: 50)
    assert alarms[0].at[0] >= ROUND - 3 + 55 + 7


def test_a_client_that_fails_does_not_stop_the_clock_for_the_others(clock, alarms, log) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    alarms[0].then = [fail]
    for alarm, dt in zip(alarms, (5, 5, 9), strict=True):
        alarm.alarm.set_alarm(dt)
    clock.pass_time(100)
    assert "ZeroDivisionError" in log.text
    assert [len(a.at) for a in alarms] == [1, 1, 1]


def test_an_alarm_that_its_client_sets_again_costs_one_interrupt(clock, alarms) -> None:
    alarms[0].then = [lambda: alarms[0].alarm.set_alarm(1000)] * 99
    alarms[0].alarm.set_alarm(1000)
    clock.pass_time(150_000)
    assert len(alarms[0].at) == clock.interrupts == 100


@pytest.mark.parametrize("stay", [False, True])
def test_alarms_are_on_time_for_hundreds_of_rounds(clock, alarms, stay) -> None:
    """Longer than the mux's own time goes; `stay`: with an alarm that is always armed."""
    begin, period, count = clock.time, ROUND // 3, 1000
    alarms[0].then = [lambda: alarms[0].alarm.set_alarm(period)] * (count - 1)
    alarms[0].alarm.set_alarm(period)
    if stay:
        alarms[1].then = [lambda: alarms[1].alarm.set_alarm(HALF)] * count
        alarms[1].alarm.set_alarm(HALF)
    clock.pass_time(count * period)
    assert alarms[0].at == [begin + n * period for n in range(1, count + 1)]
    if stay:
        assert alarms[1].at == [begin + n * HALF for n in range(1, count * period // HALF + 1)]


def test_after_a_long_rest_an_alarm_is_on_time(clock, alarms) -> None:
    alarms[0].alarm.set_alarm(5)
    clock.pass_time(7 * ROUND + 12345)
    at = clock.time
    alarms[1].alarm.set_alarm(100)
    clock.pass_time(1000)
    assert alarms[1].at == [at + 100]


def test_an_alarm_without_a_client_harms_nobody() -> None:
    clock = FakeAlarm()
    AlarmMux(clock).new_alarm().set_alarm(5)
    clock.pass_time(100)
    assert clock.due is None


@pytest.mark.parametrize("disarmed", [1, ROUND // 4, HALF - 1])
def test_after_one_was_disarmed_no_round_of_the_counter_passes_unseen(disarmed) -> None:
    world = World()
    other = world.mux.new_alarm()
    other.set_alarm(HALF)
    world.apps[0].command(DRIVER_NUM, RELATIVE, U32 - 1)
    world.clock.pass_time(disarmed)
    other.disarm()
    world.clock.pass_time(ROUND + LATEST - disarmed, lambda: LATEST)
    assert len(world.apps[0].upcalls) == 1


def test_alarms_of_processes_and_of_capsules_go_off_in_the_order_of_their_times() -> None:
    world = World(processes=3)
    order: list[str] = []
    capsule = world.mux.new_alarm()
    capsule.set_client(lambda: order.append("capsule"))
    for app, dt in zip(world.apps, (30, 10, 50), strict=True):
        app.command(DRIVER_NUM, RELATIVE, dt << 8)
    capsule.set_alarm(40)
    for _ in range(60):
        world.clock.pass_time(1)
        order += [f"process {slot}" for slot, app in enumerate(world.apps) if app.take_upcalls()]
    assert order == ["process 1", "process 0", "capsule", "process 2"]
    assert world.clock.interrupts == 4


def test_alarms_without_end_do_not_keep_the_interrupt_from_its_end() -> None:
    clock = FakeAlarm()
    alarms = AlarmMux(clock).for_processes
    count = 0

    def fired(slot: int, now: int, due: int) -> None:
        nonlocal count
        count += 1
        alarms.set_alarm(1 - slot, now, 0)

    alarms.set_client(fired)
    alarms.set_alarm(0, 0, 1)
    clock.pass_time(1)
    assert 1 < count < 100
    assert clock.due == 2


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_virtual_alarm_is_early_or_lost(data) -> None:
    clock = FakeAlarm(data.draw(starts), creep=data.draw(st.integers(0, 2)))
    mux = AlarmMux(clock)
    alarms = [Virtual(clock, mux) for _ in range(data.draw(st.integers(1, 5)))]
    due: dict[int, int] = {}

    def check(slack: int) -> None:
        for n, alarm in enumerate(alarms):
            for at in alarm.at:
                assert n in due, "went off though nobody asked"
                assert at >= due.pop(n), "early"
            alarm.at.clear()
            assert n not in due or clock.time <= due[n] + slack + 100, "lost"

    for _ in range(data.draw(st.integers(1, 25))):
        n = data.draw(st.integers(0, len(alarms) - 1))
        action = data.draw(st.sampled_from(["set", "set", "pass", "disarm"]))
        if action == "set":
            dt = data.draw(st.one_of(st.integers(1, 300), st.integers(1, LATEST)))
            due[n] = clock.time + dt
            alarms[n].alarm.set_alarm(dt)
        elif action == "disarm":
            alarms[n].alarm.disarm()
            alarms[n].at.clear()
            due.pop(n, None)
        else:
            late = data.draw(st.one_of(st.integers(0, 100), st.integers(0, ROUND // 4)))
            clock.pass_time(
                data.draw(st.one_of(st.integers(0, 500), st.integers(0, 3 * ROUND))), lambda late=late: late
            )
        check(ROUND // 2)
    clock.pass_time(2 * ROUND)
    check(0)
    assert not due
