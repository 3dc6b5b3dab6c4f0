"""LEDs, low-level debug, discovery, fault policy."""

import sys

import pytest
from fakes import SUCCESS, ErrorCode, FakeAlarm, Grant, Process

from capsules.core import ipc, led, low_level_debug, process_faults


class FakeLed:
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


def test_an_app_drives_the_leds_that_exist_and_no_other() -> None:
    leds = (FakeLed(), FakeLed(), FakeLed())
    driver = led.LedDriver(leds)
    assert driver.command(0, 0, 0, Process(0)) == ("u32", 3)
    assert driver.command(1, 2, 0, Process(0)) == SUCCESS
    assert driver.command(3, 1, 0, Process(0)) == SUCCESS
    assert [one.lit for one in leds] == [False, True, True]
    assert driver.command(4, 2, 0, Process(0)) == ("u32", 1)
    assert driver.command(2, 2, 0, Process(0)) == SUCCESS
    assert [one.lit for one in leds] == [False, True, False]
    for number in (1, 2, 3, 4):
        for index in (3, -1, 0x7FFFFFFF):
            assert driver.command(number, index, 0, Process(0)) == ErrorCode.INVAL
    for number in (5, -1, 99):
        assert driver.command(number, 0, 0, Process(0)) == ErrorCode.NOSUPPORT


def test_low_level_debug_prints_as_tock_does() -> None:
    messages = sys.modules["kernel"].messages
    messages.clear()
    driver = low_level_debug.LowLevelDebug()
    driver.command(1, 2, 0, Process(4))
    driver.command(2, 0xABCDEF01, 0, Process(4))
    driver.command(3, -1, 7, Process(4))
    assert "".join(text or "\n" for text in messages).splitlines() == [
        "LowLevelDebug: App 0x5 alert code 0x2",
        "LowLevelDebug: App 0x5 prints 0xabcdef01",
        "LowLevelDebug: App 0x5 prints 0xffffffff 0x7",
    ]


class FakeProcesses:
    """ProcessControl, as far as these capsules use it."""

    SLOTS = 16

    def __init__(self) -> None:
        self.states: dict[int, int] = {}
        self.restarts = [0] * 16
        self.ids = list(range(1, 17))
        self.restarted: list[int] = []

    def exists(self, slot: int) -> bool:
        return slot in self.states

    def state(self, slot: int) -> int:
        return self.states[slot]

    def state_name(self, slot: int) -> str:
        return "Faulted"

    def name(self, slot: int) -> bytes:
        return b"app\x1b" + bytes([48 + slot])

    def queue_length(self, slot: int) -> int:
        return 0

    def register(self, slot: int, n: int) -> int | None:
        return None if n == 15 else n

    def fact(self, slot: int, name: str) -> int:
        return {"id": self.ids[slot], "restarts": self.restarts[slot], "fault_status": 0x82}.get(name, 0)

    def on_fault(self, line: object) -> None:
        pass

    def restart(self, slot: int) -> None:
        self.restarted.append(slot)
        self.restarts[slot] += 1
        self.ids[slot] += 100
        self.states[slot] = 0

    def find(self, view) -> int:
        return 5 if view.data == b"there" else -1


class FakeLine:
    def enable(self, handler) -> None:
        self.handler = handler


@pytest.fixture
def faults():
    sys.modules["kernel"].messages.clear()
    processes, line, alarm = FakeProcesses(), FakeLine(), FakeAlarm()
    return process_faults.ProcessFaults(processes, line, alarm), processes, line, alarm


def test_a_faulting_process_is_reported_once_and_restarted_ever_more_slowly(faults) -> None:
    capsule, processes, line, alarm = faults
    per_ms = alarm.frequency // 256000
    for expected in (100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000):
        processes.states[2] = process_faults.STATE_FAULTED
        line.handler()
        line.handler()
        alarm.run((expected - 60) * per_ms)
        assert processes.restarted[-1:] != [2] or processes.states[2] == process_faults.STATE_FAULTED
        alarm.run(120 * per_ms)
        assert processes.states[2] == 0
    reports = [m for m in sys.modules["kernel"].messages if m.startswith("App: ")]
    assert reports == ["App: app?2   -   [Faulted]"] * 9
    assert capsule.delay(1000) == 10000


def test_the_report_says_what_is_known_and_what_is_lost(faults) -> None:
    _, processes, line, _ = faults
    processes.states[0] = process_faults.STATE_FAULTED
    line.handler()
    text = "\n".join(sys.modules["kernel"].messages)
    assert "Data Access Violation:               true" in text
    assert "  R0 : 0x00000000    R6 : 0x00000006" in text
    assert "  PC : (lost)" in text


def test_a_service_is_found_by_its_name() -> None:
    grant = Grant(ipc.LAYOUT)
    driver = ipc.IpcDriver(grant, FakeProcesses())
    assert driver.command(1, 0, 0, Process(0)) == ErrorCode.INVAL
    grant.enter(Process(0)).read_only(0).data = bytearray(b"there")
    assert driver.command(1, 0, 0, Process(0)) == ("u32", 5)
    grant.enter(Process(0)).read_only(0).data = bytearray(b"nobody")
    assert driver.command(1, 0, 0, Process(0)) == ErrorCode.NODEVICE
