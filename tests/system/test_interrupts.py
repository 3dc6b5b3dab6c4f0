"""What an interrupt costs: it comes once, and all of them together leave processes their share."""

import re
import threading

import pytest

from adder.board import ROOT, load_board
from adder.image.flash_image import FlashImage, read_app_file
from adder.measure import bench
from adder.measure.trace import LogParser, Place, TracedRun

APPS = ROOT / "build" / "apps"


class Interrupts:
    """Counts the interrupts between one upcall of an alarm and the next."""

    def __init__(self, interrupt: int, upcall: int, wanted: int) -> None:
        self.counts: list[int] = []
        self.done = threading.Event()
        self._wanted = wanted
        self._count = 0
        self.parser = LogParser([Place(interrupt, interrupt + 2, 1), Place(upcall, upcall + 2, 2)], self)

    def keep_from(self) -> None:
        return None

    def passed(self, count: int, before: int, now: int) -> None:
        if now == 1:
            self._count += 1
        elif now == 2:
            self.counts.append(self._count)
            self._count = 0
            if len(self.counts) > self._wanted:
                self.done.set()


def test_an_alarm_takes_one_interrupt(tmp_path) -> None:
    """The top half returns while the line is asserted, so the line is pending again; that must not count."""
    kernel = load_board("qemu").build / "kernel.elf"
    image = FlashImage(tmp_path / "flash.img")
    (placed,) = image.install([read_app_file(APPS / "bench.tbf")])
    app = bench.load_app(placed, APPS / "bench.elf")
    assert app.symbols is not None
    upcall = app.symbols["bench_alarm_upcall"].address
    watch = Interrupts(bench.Symbols.read(kernel)["irq_entry"].address, upcall, wanted=5)
    run = TracedRun(kernel, image.path, watch.parser, watch.done)
    transcript = run.run(200)
    assert watch.counts[1:6] == [1, 1, 1, 1, 1], transcript[-2000:]


ROUNDS = """
import time
while True:
    end = time.ticks_add(time.ticks_ms(), 200)
    rounds = 0
    while time.ticks_diff(end, time.ticks_ms()) > 0:
        rounds += 1
    print("rounds:", rounds)
"""

SAMPLES = """
import syscall, time
time.sleep(1)
buffers = bytearray(2), bytearray(2)
syscall.allow_rw(5, 0, buffers[0])
syscall.allow_rw(5, 1, buffers[1])
syscall.command(5, {command}, 0, 10000)
print("samples")
time.sleep(100)
"""


@pytest.mark.parametrize("command", [2, 4])
def test_interrupts_that_would_take_all_of_the_processor_leave_processes_nearly_half(
    simulation, python_app, command: int
) -> None:
    """An app has the converter sample faster than the kernel can follow, in stretches shorter than two ticks."""
    sampler = python_app(SAMPLES.format(command=command), name="samples", ram=8192)
    with simulation(python_app(ROUNDS, name="rounds", ram=8192), sampler) as board:
        board.expect(r"rounds: \d+\r")
        board.expect("samples\r", timeout=60)
        for _ in range(6):
            board.expect(r"rounds: \d+\r", timeout=60)
        before, after = board.transcript.split("samples\r", 1)
    alone = [int(n) for n in re.findall(r"rounds: (\d+)\r", before)]
    beside = [int(n) for n in re.findall(r"rounds: (\d+)\r", after)]
    assert min(beside[1:]) > max(alone) // 3


def test_an_alarm_waits_for_slices_and_not_for_interrupts_that_would_take_all_of_the_processor(
    simulation, python_app
) -> None:
    """Beside the app that has it sample, and one that computes: two slices at most."""
    sampler = python_app(SAMPLES.format(command=4), name="samples", ram=8192)
    with simulation(sampler, APPS / "spin.tbf", APPS / "lateness.tbf", clock="fast") as board:
        found = board.expect(r"lateness: 200 alarms, (\d+) early, at most (\d+) us late", timeout=60)
    assert int(found[1]) == 0
    assert int(found[2]) <= 20_000


HASHES = """
from adder import sha
data = bytearray(100_000)
while True:
    sha.compute(data)
    n = 30_000
    while n:
        n -= 1
"""


def test_what_interrupts_did_while_nobody_waited_is_owed_to_nobody(simulation, python_app) -> None:
    """An app has a long text hashed, and computes then: others' alarms wait for its slice, as ever."""
    hashes = python_app(HASHES, name="hashes", ram=131_072)
    with simulation(hashes, APPS / "lateness.tbf") as board:
        found = board.expect(r"lateness: 200 alarms, (\d+) early, at most (\d+) us late", timeout=120)
    assert int(found[1]) == 0
    assert int(found[2]) <= 20_000


HANDS_ON = """
import syscall, time
from adder import ipc
time.sleep_ms(300)
peer = ipc.find("{peer}")
come = []
syscall.subscribe(0x10000, ipc.find("{name}"), come)
if {first}:
    time.sleep_ms(500)
    come.append(0)
while True:
    while not come:
        syscall.yield_wait()
    come.clear()
    n = 200
    while n:  # a good millisecond, far from a slice
        n -= 1
    syscall.command(0x10000, 2, peer)
"""


def test_apps_that_hand_each_other_the_turn_before_a_slice_ends_pay_what_is_owed(simulation, python_app) -> None:
    """Beside an app that has it sample: interrupts have their turn, and with them alarms and the console."""
    apps = [
        python_app(HANDS_ON.format(name=name, peer=peer, first=name == "ping"), name=name, ram=20_480)
        for name, peer in (("ping", "pong"), ("pong", "ping"))
    ]
    sampler = python_app(SAMPLES.format(command=4), name="samples", ram=8192)
    with simulation(*apps, sampler, APPS / "lateness.tbf") as board:
        found = board.expect(r"lateness: 200 alarms, (\d+) early, at most (\d+) us late", timeout=120)
    assert int(found[1]) == 0
    assert int(found[2]) <= 30_000
