"""capsules/core/{process_faults,process_info,ipc,low_level_debug}.py and drivers/cmsdk/dualtimer.py."""

import struct

import config
import pytest
from hardware import FakeAlarm
from kernel import FAULTED, RUNNING, TERMINATED, YIELDED, YIELDED_FOR, ErrorCode, Machine, Registers, the_log

from capsules.core import ipc, low_level_debug, process_info
from capsules.core.process_faults import ProcessFaults
from capsules.drivers.cmsdk.dualtimer import DualTimerAlarm
from capsules.virtual.virtual_alarm import AlarmMux

INFO, IPC, DEBUG = process_info.DRIVER_NUM, ipc.DRIVER_NUM, low_level_debug.DRIVER_NUM


# -- Faults -------------------------------------------------------------------------------------


class World:
    """Processes that fault, and a clock."""

    def __init__(self, processes: int = 1) -> None:
        self.machine = Machine()
        self.clock = FakeAlarm()
        mux = AlarmMux(self.clock)
        self.faults = ProcessFaults(self.machine.control, self.machine.line(), mux.new_alarm(), mux.new_alarm())
        self.apps = [self.machine.process(f"app{n}") for n in range(processes)]

    def fault(self, slot: int, **facts: int) -> None:
        self.apps[slot].facts.update(facts)
        self.apps[slot].fault()
        self.machine.run()
        self.pass_ms(10)  # the report is written a line at a time

    def pass_ms(self, ms: float) -> None:
        self.clock.pass_time(int(ms * 25_000_000 / 256_000))


@pytest.fixture
def options(monkeypatch):
    def choose(**chosen: int) -> None:
        for name, value in chosen.items():
            monkeypatch.setattr(config, name, value)

    choose(FAULT_POLICY_RESTART=1, FAULT_POLICY_STOP=0, FAULT_POLICY_PANIC=0)
    choose(RESTART_DELAY_MS=100, RESTART_DELAY_MAX_MS=10000)
    return choose


def test_the_pause_before_a_restart_doubles_up_to_the_longest(options) -> None:
    world = World()
    waits = [world.faults.delay(n) for n in range(10)]
    assert waits == [100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000, 10000]
    assert world.faults.delay(0xFFFFFFFF) == 10000


def test_a_process_is_restarted_after_the_pause_and_not_before(options) -> None:
    world = World()
    for restarts, pause in enumerate((100, 200, 400)):
        world.fault(0)
        assert f"app app0: restart in {pause} ms\n" in the_log.text
        world.pass_ms(pause - 15)
        assert world.apps[0].state == FAULTED
        world.pass_ms(60)
        assert (world.apps[0].state, world.apps[0].facts["restarts"]) == (RUNNING, restarts + 1)


def test_processes_that_fault_one_after_the_other_are_all_restarted(options) -> None:
    world = World(4)
    for slot in range(4):
        world.fault(slot)
        world.pass_ms(30)
    assert all(app.state == FAULTED for app in world.apps)
    world.pass_ms(800)
    assert all(app.state == RUNNING for app in world.apps)
    assert world.clock.due is None


@pytest.mark.parametrize("victim", range(4))
def test_who_faults_at_once_again_is_reported_after_the_others(options, victim) -> None:
    options(RESTART_DELAY_MS=1, RESTART_DELAY_MAX_MS=1)
    world = World(4)
    world.pass_ms(10)
    for app in world.apps:
        app.fault()
    world.machine.run()
    for _ in range(4):
        world.pass_ms(200)
        for slot, app in enumerate(world.apps):
            if slot != victim and app.state == RUNNING:
                app.fault()
                world.machine.run()
    assert world.apps[victim].state == RUNNING


def test_a_process_that_something_else_restarted_meanwhile_is_left_alone(options) -> None:
    world = World()
    world.fault(0)
    world.apps[0].restart()
    identity = world.apps[0].id
    world.pass_ms(500)
    assert world.apps[0].id == identity


def test_one_that_was_unloaded_meanwhile_is_not_missed_and_its_successor_is_left_alone(options) -> None:
    world = World(2)
    world.fault(0)
    world.machine.loader.unload(0)
    world.pass_ms(60)
    successor = world.machine.process("successor", 0)
    successor.fault()
    world.machine.run()
    world.machine.loader.unload(0)  # before a line of its report
    world.pass_ms(500)
    assert "App: successor " not in the_log.text
    third = world.machine.process("third", 0)
    world.pass_ms(500)
    assert (third.alive, third.facts) == (True, {})
    world.fault(1)
    world.pass_ms(500)
    assert world.apps[1].state == RUNNING
    assert "failed" not in the_log.text


def test_the_report_of_one_that_is_unloaded_in_the_middle_of_it_ends_there(options) -> None:
    for ms in range(1, 10):
        world = World(2)
        world.apps[0].fault()
        world.machine.run()
        world.pass_ms(ms / 2)
        world.machine.loader.unload(0)
        world.fault(1)
        assert the_log.text.count("App: app1 ") == ms
        assert "failed" not in the_log.text


def test_a_report_waits_until_the_log_has_room_but_not_for_ever(options) -> None:
    world = World(2)
    world.machine.control.log_room = False
    world.fault(0)
    world.pass_ms(300)
    assert "App: app0" not in the_log.text
    world.machine.control.log_room = True
    world.pass_ms(200)
    assert "app app0: restart in 100 ms\n" in the_log.text
    assert world.apps[0].state == RUNNING
    # Nobody reads the console; others' faults make the waiting no shorter.
    world.machine.control.log_room = False
    world.fault(0)
    for _ in range(20):
        world.fault(1)
        world.apps[1].restart()
    assert "restart in 200 ms" not in the_log.text
    world.pass_ms(2000)
    assert "app app0: restart in 200 ms\n" in the_log.text
    assert world.apps[0].state == RUNNING


def test_one_fault_is_reported_once_and_the_next_one_again(options) -> None:
    world = World(2)
    world.fault(0)
    world.fault(1)
    assert the_log.text.count("App: app0 ") == 1
    world.pass_ms(500)
    world.fault(0)
    assert the_log.text.count("App: app0 ") == 2


def test_the_stop_policy_stops_and_never_restarts(options) -> None:
    options(FAULT_POLICY_RESTART=0, FAULT_POLICY_STOP=1)
    world = World()
    world.fault(0)
    world.pass_ms(60_000)
    assert world.apps[0].state == FAULTED
    assert "app app0: stopped\n" in the_log.text


def test_the_panic_policy_panics_with_the_name(options) -> None:
    options(FAULT_POLICY_RESTART=0, FAULT_POLICY_PANIC=1)
    world = World()
    world.fault(0)
    assert world.machine.control.panics == ["process app0 had a fault"]


def test_a_report_that_fails_does_not_spare_the_process(options, monkeypatch) -> None:
    world = World()
    monkeypatch.setattr(world.faults, "_parts", (lambda step: 1 / 0,))
    world.fault(0)
    assert "ZeroDivisionError" in the_log.text
    world.pass_ms(200)
    assert world.apps[0].state == RUNNING


def test_each_report_fits_into_the_log(options) -> None:
    world = World(3)
    for app in world.apps[1:]:
        app.fault()
    world.fault(0)
    world.pass_ms(90)
    assert the_log.text.count("[Faulted]") == 3
    assert len(the_log.text.replace("\n", "\r\n")) < 3 * 1900


def test_the_report_says_why_where_and_what_the_memory_was(options) -> None:
    world = World()
    world.apps[0].registers = [0x11 * n for n in range(16)] + [0x61000000]
    world.fault(
        0, fault_status=0x82, fault_address=0x20000004, hard_fault_status=0x40000000, syscalls=12, dropped_upcalls=3,
        ram_start=0x20010000, stack_top=0x20010800, heap_start=0x20010A00, app_break=0x20011000,
        grant_start=0x20011C00, ram_end=0x20012000, psp=0x20010780,
        flash_start=0x21000000, app_start=0x21000040, flash_end=0x21001000,
    )  # fmt: skip
    for line in (
        "Data Access Violation:               true",
        "Forced Hard Fault:                   true",
        "Faulting Memory Address:             0x20000004",
        "Fault Status Register (CFSR):        0x00000082",
        "App: app0   -   [Faulted]",
        " Events Queued: 0   Syscall Count: 12   Dropped Upcall Count: 3",
        " Restart Count: 0",
        " +-0x20012000+------------------------------------------+",
        "             | Grants         1024",
        "             | Unused         3072",
        "             | Heap              ? |   1536           R",
        "             | Data            512 |    512           A",
        "             | Stack           128 |   2048           M",
        "             | App Flash      4032                    FLASH",
        "             | Protected        64",
        "  R0 : 0x00000000    R6 : 0x00000066",
        "  R5 : 0x00000055    R11: 0x000000BB",
        "  SP : 0x000000DD",
        "  PC : 0x000000FF",
        " APSR: N 0 Z 1 C 1 V 0 Q 0",
        " EPSR: ICI.IT 0x00 ThumbBit true",
    ):
        assert line in the_log.text.splitlines(), line
    assert "Instruction Access Violation" not in the_log.text


def test_a_stack_that_overflowed_says_exceeded(options) -> None:
    world = World()
    world.fault(0, ram_start=0x1000, stack_top=0x1100, heap_start=0x1200, app_break=0x1300, psp=0xFF0)
    assert " EXCEEDED!" in the_log.text


def test_a_bad_system_call_and_lost_registers_are_said_so(options) -> None:
    world = World()
    world.fault(0)
    assert "Unknown System Call:                 true\n" in the_log.text
    assert "  PC : (lost)" in the_log.text
    assert "Faulting Memory Address" not in the_log.text
    assert "APSR" not in the_log.text


def test_a_program_whose_interpreter_has_said_why_has_no_report_but_what_follows(options) -> None:
    world = World()
    places = {"flash_start": 0x21000000, "flash_end": 0x21001000, "ram_start": 0x20010000, "ram_end": 0x20012000}
    for pc, short in ((0x30001, True), (0x21000101, False), (0x20010101, False)):
        before = len(the_log.text)
        world.apps[0].registers = [pc] * 17
        world.fault(0, **places)
        assert ("App Status" not in the_log.text[before:]) == short
        assert "app app0: restart in " in the_log.text[before:]
        world.pass_ms(30_000)


def test_a_name_cannot_send_control_characters_to_the_console(options) -> None:
    world = World()
    world.apps[0].name = b"\x1b[2Jbad\n\xff"
    world.fault(0)
    assert "App: ?[2Jbad??   -" in the_log.text


# -- Process info -------------------------------------------------------------------------------


@pytest.fixture
def info(machine):
    grant = machine.grant(INFO, process_info.LAYOUT)
    machine.serve(grant, process_info.ProcessInfo(grant, machine.control).command)
    machine.process("asks")
    machine.process("other", slot=5)
    return machine


def test_the_processes_are_counted_and_listed(info) -> None:
    asks, other = info.processes[0], info.processes[5]
    other.restart()
    other.facts["short_id"] = 0xFFFFFFFE
    memory = asks.allow_read_write(INFO, 0, 12)
    assert asks.command(INFO, 1) == (2,)
    assert asks.command(INFO, 2) == (2,)
    assert struct.unpack("<3I", memory) == (asks.id, other.id, 0)
    assert asks.command(INFO, 3) == (2,)
    assert struct.unpack("<3I", memory) == (0, 0xFFFFFFFE, 0)


def test_a_buffer_that_is_too_small_or_missing_is_filled_as_far_as_it_goes(info) -> None:
    asks = info.processes[0]
    assert asks.command(INFO, 2) == (2,)
    memory = asks.allow_read_write(INFO, 0, 7)
    assert asks.command(INFO, 2) == (2,)
    assert struct.unpack("<I3s", memory) == (asks.id, b"\0\0\0")
    assert asks.command(INFO, 4, info.processes[5].id) == (5,)
    assert bytes(memory) == b"other\0\0"


def test_the_name_of_another_process_goes_into_the_buffer(info) -> None:
    memory = info.processes[0].allow_read_write(INFO, 0, 3)
    assert info.processes[0].command(INFO, 4, info.processes[5].id) == (5,)
    assert bytes(memory) == b"oth"


@pytest.mark.parametrize(
    ("state", "stopped", "number"),
    [(RUNNING, 0, 0), (YIELDED, 0, 1), (YIELDED_FOR, 0, 2), (YIELDED, 1, 3), (FAULTED, 0, 4), (TERMINATED, 0, 5)],
)
def test_the_statistics_have_the_state_in_tocks_numbers(info, state, stopped, number) -> None:
    asks, other = info.processes[0], info.processes[5]
    other.state, other.stopped = state, bool(stopped)
    other.facts.update(timeslice_expirations=7, syscalls=0x80000001, restarts=9)
    memory = asks.allow_read_write(INFO, 0, 16)
    assert asks.command(INFO, 5, other.id) == (4,)
    assert struct.unpack("<4I", memory) == (7, 0x80000001, 9, number)


@pytest.mark.parametrize("command", [4, 5, 6])
@pytest.mark.parametrize("identity", [0, 99, 0x3FFFFFFF, 0xFFFFFFFF])
def test_a_process_that_is_not_there_is_invalid(info, command, identity) -> None:
    assert info.processes[0].command(INFO, command, identity, 2) == ErrorCode.INVAL


@pytest.mark.parametrize("command", [7, 0x80000000, 0xFFFFFFFF])
def test_an_unknown_command_is_not_supported(info, command) -> None:
    assert info.processes[0].command(INFO, command) == ErrorCode.NOSUPPORT


def test_the_identifier_of_an_earlier_life_is_invalid(info) -> None:
    old = info.processes[5].id
    info.processes[5].restart()
    assert info.processes[0].command(INFO, 6, old, 2) == ErrorCode.INVAL


def test_processes_can_be_stopped_started_faulted_terminated_and_booted(info) -> None:
    asks, other = info.processes[0], info.processes[5]

    def control(what: int) -> "tuple[int, ...] | int":
        return asks.command(INFO, 6, other.id, what)

    assert (control(2), other.stopped) == ((), True)
    assert (control(1), other.stopped) == ((), False)
    assert control(5) == ErrorCode.INVAL
    assert (control(4), other.state) == ((), TERMINATED)
    assert (control(5), other.state) == ((), RUNNING)
    assert (control(3), other.state) == ((), FAULTED)
    for unknown in (0, 6, 255):
        assert control(unknown) == ErrorCode.INVAL


# -- IPC ----------------------------------------------------------------------------------------


@pytest.fixture
def peers(machine):
    grant = machine.grant(IPC, ipc.LAYOUT)
    machine.serve(grant, ipc.IpcDriver(grant, machine.control).command)
    return [machine.process("client"), machine.process("service", slot=7)]


def test_a_live_process_is_found_by_its_exact_name(peers) -> None:
    client, service = peers
    client.allow_read_only(IPC, 0, b"service")
    assert client.command(IPC, 1) == (7,)
    for other in (b"servic", b"services", b"service\0"):
        client.allow_read_only(IPC, 0, other)
        assert client.command(IPC, 1) == ErrorCode.NODEVICE
    client.allow_read_only(IPC, 0, b"service")
    service.end()
    assert client.command(IPC, 1) == ErrorCode.NODEVICE


def test_discovery_without_a_name_is_invalid_and_without_memory_nomem(peers) -> None:
    assert peers[0].command(IPC, 0) == ()
    assert peers[0].command(IPC, 1) == ErrorCode.INVAL
    assert peers[0].command(IPC, 9) == ErrorCode.NOSUPPORT
    peers[1].grants_left = 0
    assert peers[1].command(IPC, 1) == ErrorCode.NOMEM


# -- Low-level debug ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((1, 1, 9), "App 0x0 alert code 0x1\n"),
        ((2, 0xDEADBEEF, 9), "App 0x0 prints 0xdeadbeef\n"),
        ((2, 0), "App 0x0 prints 0x0\n"),
        ((3, 0xFFFFFFFF, 0x80000000), "App 0x0 prints 0xffffffff 0x80000000\n"),
    ],
)
def test_debug_text_is_tocks(machine, arguments, text) -> None:
    machine.serve(machine.grant(DEBUG, low_level_debug.LAYOUT), low_level_debug.LowLevelDebug().command)
    assert machine.process().command(DEBUG, *arguments) == ()
    assert the_log.text == text


@pytest.mark.parametrize(("command", "answer"), [(0, ()), (4, 10), (0xFFFFFFFF, 10)])
def test_other_debug_commands_print_nothing(machine, command, answer) -> None:
    machine.serve(machine.grant(DEBUG, low_level_debug.LAYOUT), low_level_debug.LowLevelDebug().command)
    assert machine.process().command(DEBUG, command, 5) == answer
    assert the_log.text == ""


# -- The dual timer -----------------------------------------------------------------------------


@pytest.fixture
def timer(machine):
    registers = Registers()
    registers.words[0x04] = 0xFFFFFFFF
    return DualTimerAlarm(registers, machine.line(), 25_000_000), registers


def test_the_counter_counts_up_while_the_timer_counts_down(timer) -> None:
    alarm, registers = timer
    assert alarm.frequency == 25_000_000
    assert alarm.now() == 0
    registers.words[0x04] = 0xFF000000
    assert alarm.now() == 0xFFFFFF
    registers.words[0x04] = 0xFEFFFFFE
    assert alarm.now() == 1
    assert registers.words[0x08] == 0x80 | 0x02 | 0x08  # enabled, 32 bits, clock / 256


def test_an_alarm_is_a_one_shot_of_one_tick_more_and_its_interrupt_is_cleared(timer, machine) -> None:
    alarm, registers = timer
    fired = []
    alarm.set_client(lambda: fired.append(registers.words[0x2C]))
    alarm.set_alarm(1000)
    assert registers.words[0x20] == 1001
    assert registers.words[0x28] == 0x80 | 0x20 | 0x02 | 0x08 | 0x01
    machine.lines[0].trigger()
    machine.run()
    assert fired == [1]
    alarm.disarm()
    assert registers.words[0x28] & 0xA0 == 0


def test_an_interrupt_before_there_is_a_client_does_nothing(timer, machine) -> None:
    machine.lines[0].trigger()
    machine.run()
    assert timer[1].words[0x2C] == 1
