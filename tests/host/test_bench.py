"""Counting instructions: exact on a program whose lengths are known."""

import json
import threading
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from adder.cli import cli
from adder.errors import AdderError
from adder.image.flash_image import PlacedApp, read_app_file
from adder.measure import bench, bench_app
from adder.measure.trace import LogParser, Place, PlaceMap
from adder.symbols import Symbol, Symbols

ISSUE_KEYS = [
    "null_command", "led_toggle", "alarm_get_time", "yield_no_wait", "allow_swap",
    "subscribe_swap", "memop", "slice_switch", "ipc_round_trip", "console_write_upcall",
    "interrupt_to_upcall", "boot_to_user",
]  # fmt: skip


@pytest.fixture(scope="module")
def measured(tiny: Path) -> bench.Stopwatch:
    tbfs = [tiny / "tiny.tbf", tiny / "tiny_b.tbf"]
    stopwatch, _ = bench.measure(tiny / "kernel.elf", tbfs, samples=9, timeout=60)
    return stopwatch


@pytest.mark.parametrize(("operation", "instructions"), [("five", 5), ("svc", 4), ("device", 3)])
def test_counts_are_exact(measured: bench.Stopwatch, operation: str, instructions: int) -> None:
    samples = measured.samples[operation]
    assert samples.median == instructions
    # A sample during which the slice ended is longer, never shorter.
    assert min(samples.counts) == instructions


def test_marks_in_the_kernel_are_counted(measured: bench.Stopwatch) -> None:
    assert len(measured.samples["boot_to_user"].counts) == 1
    assert measured.samples["boot_to_user"].median > 100
    assert 10 < measured.samples["slice_switch"].median < 100
    assert 3 <= measured.samples["interrupt_to_upcall"].median < 40


def test_the_same_run_gives_the_same_counts(tiny: Path, measured: bench.Stopwatch) -> None:
    tbfs = [tiny / "tiny.tbf", tiny / "tiny_b.tbf"]
    again, _ = bench.measure(tiny / "kernel.elf", tbfs, samples=9, timeout=60)
    assert len(measured.samples) > 4
    for key, samples in measured.samples.items():
        assert again.samples[key].counts == samples.counts


@pytest.mark.parametrize("operation", ["five", "svc", "slice_switch", "boot_to_user"])
def test_a_profile_accounts_for_every_instruction(tiny: Path, operation: str) -> None:
    tbfs = [tiny / "tiny.tbf", tiny / "tiny_b.tbf"]
    stopwatch, name = bench.measure(tiny / "kernel.elf", tbfs, samples=5, timeout=60, profile=operation)
    samples = stopwatch.samples[operation]
    functions = dict(bench.by_function(samples.profile, name))
    assert sum(functions.values()) == samples.median
    expected = {
        "five": {"tiny: main": 5},
        "svc": {"tiny: main": 2, "svc": 2},
        "slice_switch": {"SysTick_Handler": 7},
        "boot_to_user": {"Reset_Handler": functions.get("Reset_Handler")},
    }[operation]
    assert expected.items() <= functions.items()


def test_the_verb_prints_a_table_and_writes_figures(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    result = CliRunner().invoke(
        cli,
        ["bench", "--kernel", str(tiny / "kernel.elf"), "--json", str(out), "--profile", "five",
         str(tiny / "tiny.tbf"), str(tiny / "tiny_b.tbf")],
        catch_exceptions=False,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    figures = json.loads(out.read_text())
    assert figures["five"] == 5
    assert figures["samples"]["five"]["count"] == 9
    assert "end of a slice, to another app" in result.output
    assert "five: 5 instructions" in result.output


def test_the_table_knows_every_operation_of_the_report() -> None:
    assert sorted(operation.key for operation in bench.OPERATIONS) == sorted({*ISSUE_KEYS, "containment"})


def test_an_operation_that_never_ends_is_named(tiny: Path) -> None:
    with pytest.raises(AdderError, match=r"(?s)have not been seen 5 times: .*slice_switch.*tiny"):
        bench.measure(tiny / "kernel.elf", [tiny / "tiny.tbf"], samples=5, timeout=2)


def test_an_unknown_operation_to_profile_is_refused(tiny: Path) -> None:
    with pytest.raises(AdderError, match=r"no operation 'six'; there are: .*five"):
        bench.measure(tiny / "kernel.elf", [tiny / "tiny.tbf"], samples=5, timeout=2, profile="six")


def test_an_elf_file_may_serve_several_apps(tmp_path: Path) -> None:
    for name in ("bench", "bench_spin"):
        (tmp_path / f"{name}.elf").touch()
    assert bench_app.find_elf(tmp_path / "bench_spin_b.tbf") == tmp_path / "bench_spin.elf"
    assert bench_app.find_elf(tmp_path / "bench.tbf") == tmp_path / "bench.elf"
    assert bench_app.find_elf(tmp_path / "other.tbf") is None


# The parser, on logs made here


class Recorder:
    def __init__(self) -> None:
        self.events: list[tuple[int, int, int]] = []

    def passed(self, count: int, before: int, now: int) -> None:
        self.events.append((count, before, now))

    def keep_from(self) -> int | None:
        return 0


def line(address: int, flags: int = 0x110, cflags: int = 0xFF000001) -> bytes:
    return (f"Trace 0: 0x7f0e8c000100 [00000000/{address:08x}/{flags:08x}/{cflags:08x}] name\n").encode()


def parse(log: bytes, places: list[Place], pieces: int = 1) -> tuple[LogParser, Recorder]:
    recorder = Recorder()
    parser = LogParser(places, recorder)
    step = max(1, len(log) // pieces)
    for start in range(0, len(log), step):
        parser.feed(log[start : start + step])
    parser.finish()
    return parser, recorder


def test_an_instruction_that_was_not_started_is_not_counted() -> None:
    log = line(2) + line(4) + b"Stopped execution of TB chain before 0x7f [00000004] f\n"
    log += line(0x100) + line(4)
    parser, _ = parse(log, [])
    assert list(parser.addresses(0, parser.count)) == [2, 0x100, 4]


def test_an_instruction_that_was_translated_again_is_counted_once() -> None:
    log = line(2) + line(4) + line(4, cflags=0xFF008001) + line(6)
    parser, _ = parse(log, [])
    assert list(parser.addresses(0, parser.count)) == [2, 4, 6]


def test_an_instruction_that_jumps_to_itself_is_counted_each_time() -> None:
    parser, _ = parse(line(2) * 5, [])
    assert parser.count == 5


def test_wide_addresses_of_newer_versions_are_read() -> None:
    parser, _ = parse(b"Trace 0: 0x7f [00000000/0000000021000040/00000110/ff000201] f\n", [])
    assert list(parser.addresses(0, 1)) == [0x21000040]


def test_a_log_cut_in_the_middle_of_a_line_loses_only_that_line() -> None:
    parser, _ = parse(line(2) + line(4)[:30], [])
    assert parser.count == 1


def test_the_smaller_of_two_places_wins() -> None:
    places = PlaceMap([Place(0x100, 0x200, 1), Place(0x140, 0x142, 2)])
    assert [places[a] for a in (0xFF, 0x100, 0x140, 0x141, 0x142, 0x200)] == [0, 1, 2, 2, 1, 0]


@given(
    addresses=st.lists(st.integers(0, 40), min_size=1, max_size=60),
    pieces=st.integers(1, 200),
)
def test_how_the_log_is_cut_into_pieces_does_not_matter(addresses: list[int], pieces: int) -> None:
    places = [Place(5, 10, 1), Place(10, 12, 2), Place(30, 35, 3)]
    lookup = PlaceMap(places)
    parser, recorder = parse(b"".join(map(line, addresses)), places, pieces)
    assert list(parser.addresses(0, parser.count)) == addresses
    assert parser.profile(0, parser.count) == Counter(addresses)
    expected, before = [], 0
    for count, address in enumerate(addresses):
        if lookup[address] != before:
            expected.append((count, before, lookup[address]))
            before = lookup[address]
    assert recorder.events == expected


def test_merged_marks_are_refused(tiny: Path) -> None:
    kernel = Symbols.read(tiny / "kernel.elf")
    app = bench_app.load_app(PlacedApp(0x21000000, read_app_file(tiny / "tiny.tbf")), None)
    marks = Symbols([Symbol(0x21000040, 2, f"bench_begin_{n}") for n in ("a", "b")])
    with pytest.raises(AdderError, match="noipa"):
        bench.Stopwatch(kernel, [bench_app.BenchApp(app.placed, marks)], wanted=1)


# Symbols


def test_addresses_get_the_name_of_what_encloses_them() -> None:
    symbols = Symbols([Symbol(0x10, 8, "f"), Symbol(0x14, 0, "label_in_f"), Symbol(0x20, 0, "assembly")])
    assert symbols.at(0x0F) is None
    assert symbols.at(0x10) == "f"
    assert symbols.at(0x16) == "f"
    assert symbols.at(0x26) == "assembly"


def test_a_missing_symbol_is_named(tiny: Path) -> None:
    with pytest.raises(AdderError, match="no symbol 'nonexistent'"):
        Symbols.read(tiny / "kernel.elf")["nonexistent"]


def test_a_file_that_is_not_elf_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.elf"
    path.write_bytes(b"no")
    with pytest.raises(AdderError, match="not an ELF file"):
        Symbols.read(path)


def test_the_tracer_stops_cleanly_when_the_watcher_fails(tiny: Path, tmp_path: Path) -> None:
    from adder.measure.trace import TracedRun

    class Failing(Recorder):
        def passed(self, count: int, before: int, now: int) -> None:
            raise RuntimeError("on purpose")

    parser = LogParser([Place(0, 0x1000, 1)], Failing())
    run = TracedRun(tiny / "kernel.elf", tmp_path / "f.img", parser, threading.Event())
    with pytest.raises(RuntimeError, match="on purpose"):
        run.run(30)
    assert not run.simulation.running
