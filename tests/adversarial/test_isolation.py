"""No app reads, writes or executes what is not its own: every region, every way."""

import itertools
import re
from pathlib import Path

import pytest
from probes import Probes

from adder.apps.elf_to_tbf import Options, elf_to_tbf
from adder.board import ROOT
from adder.symbols import Symbols

FAULTY = ROOT / "build" / "apps" / "faulty.elf"

# Where things are in these tests: the witness `hello` is the first app, the prober the second.
REGIONS: dict[str, int | str] = {
    "kernel flash": 0x00000100,
    "kernel's own code": "process_fault",
    "kernel flash, last word": 0x0007FFFC,
    "below the RAM": 0x1FFFFFFC,
    "kernel stack": 0x20000000,
    "kernel data": 0x20002000,
    "state of the kernel's interpreter": "kernel_python_state",
    "process table": "processes",
    "heap of the kernel's Python": 0x20008000,
    "another app's RAM": "witness RAM",
    "another app's flash": 0x21000000,
    "flash behind the last app": 0x21040000,
    "storage": 0x21070000,
    "UART": 0x40004000,
    "timer": 0x40002000,
    "FPGA I/O": 0x40028000,
    "SysTick": 0xE000E010,
    "interrupt controller": 0xE000E100,
    "system control block": 0xE000ED08,
    "MPU": 0xE000ED94,
    "FPU control": 0xE000EF34,
    "unmapped": 0x90000000,
    "last word of all": 0xFFFFFFFC,
}


CASES = list(itertools.product(REGIONS, ("read", "write", "exec")))


def address_of(region: str, symbols: Symbols) -> int:
    """Where the region is."""
    address = REGIONS[region]
    if address == "witness RAM":
        # The processes' RAM begins behind the kernel's; the witness is the first.
        return symbols["_process_ram_start"].address + 64
    return symbols[address].address if isinstance(address, str) else address


@pytest.fixture(scope="module")
def probes(tmp_path_factory: pytest.TempPathFactory) -> Probes[tuple[str, str]]:
    """The app `faulty`, with what it is to do as its argument."""

    def make(case: tuple[str, str], name: str, wait: int, folder: Path) -> Path:
        region, way = case
        argument = f"after {wait} {way} 0x{address_of(region, made.symbols):08x}"
        path = folder / f"{name}.tbf"
        path.write_bytes(elf_to_tbf(FAULTY.read_bytes(), Options(name=name, argument=argument)).encode())
        return path

    made = Probes(tmp_path_factory.mktemp("probes"), CASES, make, at_once=14)
    return made


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_what_is_not_its_own_is_out_of_an_apps_reach(case: tuple[str, str], probes: Probes[tuple[str, str]]) -> None:
    region, way = case
    shown = probes.shown(case)
    assert f"faulty: {way} 0x{address_of(region, probes.symbols):08x}" in shown, shown
    report = probes.report(case)
    assert report is not None, shown
    assert re.search(r"(Data|Instruction) Access Violation|Bus Error|Invalid State", report), report
    assert "was not stopped" not in shown, shown


@pytest.mark.parametrize("what", ["kernel", "peripheral", "flash", "system", "nowhere", "edge", "fpedge"])
@pytest.mark.parametrize("how", ["", "-spin"])
def test_a_stack_pointer_where_no_frame_may_be_is_the_apps_fault(simulation, what, how) -> None:
    with simulation("hello", f"badstack-{what}{how}", "float") as board:
        board.expect(rf"App: badstack-{what}{how}   -   \[Faulted\]", timeout=20)
        board.expect(rf"app badstack-{what}{how}: restart in 200 ms", timeout=20)
        board.expect(r"hello: hello, 4 of 5", timeout=20)
        board.expect(r"float: \d+ rounds, no register lost", timeout=20)
        assert "kernel fault" not in board.transcript


@pytest.mark.parametrize("what", ["wait", "for", "spin", "call"])
def test_a_stack_in_memory_that_another_shares_ends_with_that_and_nobody_is_written_to(simulation, what) -> None:
    """What comes into the other's RAM when that has ended, two apps in turn, is as it was."""
    with simulation(f"borrowed-{what}", f"lender-{what}", "hello", "float", "exits-restart") as board:
        board.expect(rf"borrowed: {what}", timeout=20)
        board.expect(rf"App: borrowed-{what}   -   \[Faulted\]", timeout=20)
        board.expect(r"hello: hello, 4 of 5", timeout=20)
        board.expect(r"float: \d+ rounds, no register lost", timeout=20)
        shown = board.transcript
    assert "lender: nothing else was touched" in shown
    assert not re.search(r"kernel fault|panicked|TOUCHED|OLD MEMORY", shown)
    ended = shown.index("lender: nothing")
    faulted = shown.index(f"App: borrowed-{what}")
    assert (faulted < ended) == (what in ("wait", "for"))


FILLER = """
from adder import storage
for record in range(168):  # as many as a page holds
    storage.write(record, b"x")
print("{name}: filled")
"""

USER = """
from adder import storage
print("user: size", storage.size())
storage.write(0, b"mine")
print("user: read", storage.read(0, 4))
"""


def test_apps_that_fill_the_storage_with_small_records_cost_nobody_his_storage_at_the_next_boot(
    simulation, python_app
) -> None:
    """Whoever walked all records at once would use up his time at each boot, and be off for good."""

    def app(name: str, text: str, number: int) -> Path:
        ids = f"{{write_id = {number}, read_ids = [{number}], modify_ids = [{number}]}}"
        return python_app(text.format(name=name), name=name, ram=12288, storage=ids)

    names = [f"filler{number}" for number in range(6)]
    apps = [app("user", USER, 100), *(app(name, FILLER, 1 + number) for number, name in enumerate(names))]
    with simulation(*apps, clock="fast") as board:
        board.expect_all(*(f"{name}: filled" for name in names), r"user: read b'mine'", timeout=120)
        seen = len(board.transcript)
        board.reset()
        board.expect_all(r"(?s)user: read b'mine'.*user: read b'mine'", timeout=60)
        after = board.transcript[seen:]
    assert "user: size 2048" in after
    assert "kernel: capsule" not in board.transcript
