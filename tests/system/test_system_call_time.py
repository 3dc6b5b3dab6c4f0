"""No system call takes the others' time, however much an app asks for, and however often."""

import pytest

from adder.apps.elf_to_tbf import Options, elf_to_tbf
from adder.board import ROOT

SLICE_US = 10_000
LATENCY_US = 2_500  # the kernel's own, and a bottom half, which is not interrupted

CALLS = (
    *("brk", "restart", "subscribe", "discover", "find", "list", "stats", "alarm", "write"),
    *("random", "load", "store", "record", "measure", "pin", "button"),
)


@pytest.mark.parametrize("call", CALLS)
def test_an_alarm_is_at_most_a_slice_late_beside_the_worst_call_in_a_loop(simulation, tmp_path, call) -> None:
    greedy = tmp_path / "greedy.tbf"
    elf = (ROOT / "build/apps/greedy.elf").read_bytes()
    heap = 150_000 if call in ("brk", "restart") else 1024  # what has to be cleared
    greedy.write_bytes(elf_to_tbf(elf, Options(name="greedy", argument=call, app_heap=heap)).encode())
    with simulation(greedy, "lateness", clock="fast") as board:
        found = board.expect(r"lateness: 200 alarms, (\d+) early, at most (\d+) us late", timeout=60)
    assert int(found[1]) == 0
    assert int(found[2]) <= SLICE_US + LATENCY_US
