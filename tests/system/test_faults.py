"""Faults of apps: reported as Tock's users know it, restarted, and nobody else's business."""

import re
from pathlib import Path

import pytest

from adder.apps.python_app import build

CAUSES = {
    "read-kernel": ("Data Access Violation", "0x20000000"),
    "write-kernel": ("Data Access Violation", "0x20000000"),
    "read-kernel-flash": ("Data Access Violation", "0x00000000"),
    "read-peripheral": ("Data Access Violation", "0x40004000"),
    "write-peripheral": ("Data Access Violation", "0x40004000"),
    "read-system": ("Precise Data Bus Error", "0xE000ED00"),
    "write-flash": ("Data Access Violation", "0x2100"),
    "grant": ("Data Access Violation", "0x200[01]"),
    "write-grant": ("Data Access Violation", "0x200[01]"),
    "record": ("Data Access Violation", "0x200[01]"),
    "write-record": ("Data Access Violation", "0x200[01]"),
    "past-break": ("Data Access Violation", "0x200[01]"),
    "jump-ram": ("Instruction Access Violation", None),
    "null-jump": ("Instruction Access Violation", None),
    "stack-overflow": (".*(Violation|Stacking Fault)", None),
    "bad-syscall": ("Unknown System Call", None),
    "undefined": ("Undefined Instruction Usage Fault", None),
    "unaligned": ("Unaligned Access Usage Fault", None),
}


@pytest.mark.parametrize("what", CAUSES)
def test_each_forbidden_thing_is_trapped_and_named(simulation, what) -> None:
    cause, address = CAUSES[what]
    with simulation(f"faulty-{what}", "hello") as board:
        board.expect(rf"^({cause}).*: +true", timeout=20)
        if address:
            board.expect(rf"^Faulting Memory Address: +{address}")
        board.expect(rf"^App: faulty-{what}   -   \[Faulted\]")
        board.expect(r"hello: hello, 3 of 5", timeout=20)
        assert "was not stopped" not in board.transcript


@pytest.mark.parametrize("what", ["breakpoint"])
def test_a_breakpoint_without_a_debugger_is_the_apps_fault(simulation, what) -> None:
    with simulation(f"faulty-{what}", "hello") as board:
        board.expect(rf"^App: faulty-{what}   -   \[Faulted\]", timeout=20)
        board.expect(r"hello: hello, 3 of 5", timeout=20)


def test_becoming_privileged_is_ignored(simulation) -> None:
    with simulation("faulty-privilege", "hello") as board:
        board.expect(r"faulty: still unprivileged", timeout=20)
        # Nor were interrupts masked: alarms still come.
        board.expect(r"hello: hello, 3 of 5", timeout=20)


def test_a_faulting_app_leaves_the_others_running_and_is_restarted_ever_more_slowly(simulation) -> None:
    with simulation("faulty-read-kernel", "hello", "float") as board:
        for delay in (100, 200, 400, 800, 1600):
            board.expect(rf"^app faulty-read-kernel: restart in {delay} ms", timeout=20)
        board.expect(r"hello: hello, 5 of 5", timeout=20)
        board.expect(r"float: \d+ rounds, no register lost", timeout=20)


def test_the_report_has_registers_and_memory_map(simulation) -> None:
    with simulation("faulty-read-kernel") as board:
        board.expect(r"^Fault Status Register \(CFSR\): +0x00000082", timeout=20)
        board.expect(r"Restart Count: 0")
        board.expect(r"\| Grants +\d+")
        board.expect(r"\| Stack +\d+ \| +1024")
        board.expect(r"\| App Flash +\d+")
        board.expect(r"^  R0 : 0x[0-9A-F]{8}    R6 : 0x[0-9A-F]{8}")
        board.expect(r"^  PC : 0x2100[0-9A-F]{4}")
        board.expect(r"^ EPSR: ICI.IT 0x00 ThumbBit true")


FLOOD = """# /// script
# [tool.adder]
# name = "flood"
# ram = 16384
# permissions = [8]
# ///
import syscall
while True:
    syscall.command(8, 3, 1, 2)
"""


def test_an_app_that_floods_the_log_takes_nothing_from_a_report_and_what_is_lost_is_counted(
    simulation, tmp_path: Path
) -> None:
    """The report has all its lines, in their order, and each line is whole."""
    source = tmp_path / "flood.py"
    source.write_text(FLOOD)
    flood = tmp_path / "flood.tbf"
    flood.write_bytes(build(source).tbf.encode())

    def shown(*apps: str | Path) -> list[str]:
        with simulation(*apps) as board:
            for delay in (100, 200, 400):
                board.expect(rf"^app faulty-read-kernel: restart in {delay} ms\r\n", timeout=30)
            return [re.sub("0x[0-9A-F]{8}|[0-9]{3,}", "N", line) for line in board.transcript.splitlines()[3:]]

    quiet = [line for line in shown("faulty-read-kernel") if line and line != "faulty: read-kernel"]
    lines = [line for line in shown("faulty-read-kernel", flood) if line and line != "faulty: read-kernel"]
    debug = [line for line in lines if line == "LowLevelDebug: App 0x1 prints 0x1 0x2"]
    lost = [line for line in lines if re.fullmatch(r"kernel: \w+ lines of messages lost", line)]
    assert len(debug) > 20
    assert lost
    assert [line for line in lines if line not in debug + lost] == quiet
