"""Alarms: never early, never lost, however the counter wraps and however late the interrupts are."""

from fakes import ErrorCode, FakeAlarm, Grant, Process
from hypothesis import given
from hypothesis import strategies as st

from capsules.core.alarm import LAYOUT, AlarmDriver
from capsules.virtual.virtual_alarm import AlarmMux

TICK = 256  # ticks of a user program in one of the hardware


def make(start: int = 0) -> tuple[FakeAlarm, AlarmDriver, Grant]:
    hardware = FakeAlarm(start)
    grant = Grant(LAYOUT)
    mux = AlarmMux(hardware)
    mux.new_alarm()  # another user of the same hardware
    return hardware, AlarmDriver(mux.new_alarm(), grant), grant


starts = st.integers(0, 1 << 26)
dts = st.one_of(st.integers(0, 0xFFFFFFFF), st.sampled_from([0, 1, 255, 256, 257, 1 << 31, 0xFFFFFF00, 0xFFFFFFFF]))


@given(start=starts, alarms=st.lists(dts, min_size=1, max_size=8), latency=st.integers(0, 3000))
def test_every_apps_alarm_comes_once_and_not_early_and_no_later_than_the_interrupts(start, alarms, latency) -> None:
    hardware, driver, grant = make(start)
    began = hardware.time
    for slot, dt in enumerate(alarms):
        kind, expiry = driver.command(5, dt, 0, Process(slot))
        assert kind == "u32"
        assert (expiry - (hardware.now() << 8) - dt) & 0xFFFFFFFF < TICK
    due = {slot: -(-dt // TICK) for slot, dt in enumerate(alarms)}
    fired: dict[int, int] = {}
    last = 0
    for moment in sorted(
        {0, *due.values(), *(d + latency + 1 for d in due.values()), *(max(0, d - 1) for d in due.values())}
    ):
        hardware.run(moment - last, latency)
        last = hardware.time - began
        for slot in due:
            if grant.entries[slot].upcalls and slot not in fired:
                fired[slot] = last
                assert len(grant.entries[slot].upcalls) == 1
    for slot, moment in due.items():
        assert slot in fired, "lost"
        assert fired[slot] >= moment, "early"
    hardware.run(1 << 25, latency)
    assert all(len(grant.entries[slot].upcalls) == 1 for slot in due)


@given(start=starts, reference_age=st.integers(0, 0xFFFFFFFF - 2 * TICK), dt=dts)
def test_an_absolute_alarm_counts_from_its_reference(start, reference_age, dt) -> None:
    hardware, driver, grant = make(start)
    now = hardware.now() << 8
    driver.command(6, (now - reference_age) & 0xFFFFFFFF, dt, Process(3))
    if reference_age >= dt + TICK:
        assert grant.entries[3].upcalls, "it is over and must fire at once"
    elif dt > reference_age + TICK:
        assert not grant.entries[3].upcalls
        hardware.run((dt - reference_age) // TICK + 2)
        assert grant.entries[3].upcalls


def test_setting_an_alarm_again_replaces_it_and_stopping_ends_it() -> None:
    hardware, driver, grant = make()
    app = Process(0)
    driver.command(5, 1000 * TICK, 0, app)
    driver.command(5, 5000 * TICK, 0, app)
    hardware.run(4000)
    assert grant.entries[0].upcalls == []
    driver.command(3, 0, 0, app)
    hardware.run(1 << 25)
    assert grant.entries[0].upcalls == []
    assert driver.command(3, 0, 0, app) == ErrorCode.ALREADY


def test_the_alarm_of_an_app_that_has_ended_is_forgotten() -> None:
    hardware, driver, grant = make()
    driver.command(5, 1000 * TICK, 0, Process(0))
    driver.command(5, 2000 * TICK, 0, Process(1))
    grant.kill(Process(0))
    hardware.run(3000)
    assert len(grant.entries[1].upcalls) == 1
    assert hardware.due is None


@given(start=starts, first=st.lists(st.integers(1, 1 << 23), min_size=1, max_size=6), again=st.integers(1, 1 << 22))
def test_a_client_may_set_its_alarm_again_from_its_callback(start, first, again) -> None:
    hardware = FakeAlarm(start)
    mux = AlarmMux(hardware)
    fired: list[tuple[int, int]] = []
    for number, dt in enumerate(first):
        alarm = mux.new_alarm()

        def called(number=number, alarm=alarm) -> None:
            fired.append((number, hardware.time))
            if len([n for n, _ in fired if n == number]) < 3:
                alarm.set_alarm(again)

        alarm.set_client(called)
        alarm.set_alarm(dt)
    hardware.run(1 << 25)
    for number, dt in enumerate(first):
        times = [moment - start for n, moment in fired if n == number]
        assert times == [dt, dt + again, dt + 2 * again]
