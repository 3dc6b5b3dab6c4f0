"""What README.md and docs/benchmarks.md say that operations cost, counted on the kernel in build/qemu."""

import re
import subprocess
from pathlib import Path

import pytest

from adder.board import ROOT
from adder.measure import bench_python
from adder.measure.bench import BENCH_APPS, OPERATIONS, PYTHON_OPERATIONS, Samples, containment, measure

TABLE = re.compile(r"^operation +instructions.*?^```", re.MULTILINE | re.DOTALL)


COMPILER = re.compile(r"compiled by GCC ([\d.]+)")


def tolerance() -> float:
    """How far a count may be off: a name that moves in MicroPython's look-up cache is worth up to 30 instructions.

    What another compiler makes of the same C may differ by more, and says nothing of ours.
    """
    said = COMPILER.search((ROOT / "docs" / "benchmarks.md").read_text())
    used = subprocess.run(["arm-none-eabi-gcc", "-dumpfullversion"], capture_output=True, text=True, check=True).stdout
    assert said is not None
    return 0.08 if used.strip() == said[1].rstrip(".") else 0.15


def figures(page: Path) -> dict[str, int]:
    """The first number of each row of the page's table, by its title."""
    table = TABLE.search(page.read_text())
    assert table is not None
    rows = (re.match(r" *(\S.*?) {2,}([\d,]+)", line) for line in table[0].splitlines()[1:])
    return {row[1]: int(row[2].replace(",", "")) for row in rows if row}


@pytest.fixture(scope="module")
def counted() -> dict[str, int]:
    """What the operations take, by their titles."""
    kernel = ROOT / "build" / "qemu" / "kernel.elf"
    apps = [ROOT / "build" / "apps" / f"{name}.tbf" for name in BENCH_APPS]
    stopwatch, name = measure(kernel, apps, samples=9, timeout=300, profile="null_command")
    samples = dict(stopwatch.samples)
    samples["containment"] = Samples([containment(kernel, samples["null_command"].profile, name)])
    return {operation.title.strip(): round(samples[operation.key].median) for operation in OPERATIONS}


def test_no_operation_takes_more_than_its_figure_says(counted: dict[str, int]) -> None:
    most, least = 1 + tolerance(), 0.97 - tolerance()
    said = figures(ROOT / "README.md")
    assert said.keys() == counted.keys()
    dearer = {title: (count, said[title]) for title, count in counted.items() if count > most * said[title]}
    assert dearer == {}
    outdated = {title: (count, said[title]) for title, count in counted.items() if count < least * said[title]}
    assert outdated == {}, "it is better than it says: `make bench` has the new figures"


def test_both_pages_say_the_same() -> None:
    assert figures(ROOT / "README.md").items() <= figures(ROOT / "docs" / "benchmarks.md").items()


def test_the_times_on_a_chip_are_those_of_the_counts() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text()
    table = re.search(r"^microseconds +at (\d+) MIPS +at (\d+) MIPS\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert table is not None
    rows = re.findall(r"^ *(\S.*?) {2,}([\d,.]+) +([\d,.]+)$", table[3], re.MULTILINE)
    counts = figures(ROOT / "docs" / "benchmarks.md")
    assert [row[0] for row in rows] == list(counts)
    for title, *times in rows:
        for mips, time in zip(table.groups()[:2], times, strict=True):
            assert time == f"{counts[title] / int(mips):,.1f}", title


def test_containment_and_the_aims_hold(counted: dict[str, int]) -> None:
    missed = {it.title: counted[it.title.strip()] for it in OPERATIONS if it.aim and counted[it.title.strip()] > it.aim}
    assert missed == {}


PYTHON_TABLE = re.compile(r"^ +today +at first.*?^```", re.MULTILINE | re.DOTALL)


def test_what_a_python_app_feels_costs_half_of_what_it_did_and_no_more_than_the_page_says() -> None:
    table = PYTHON_TABLE.search((ROOT / "docs" / "benchmarks.md").read_text())
    assert table is not None
    rows = (re.match(r"(Python: .*?) {2,}([\d,]+)", line) for line in table[0].splitlines())
    said = {row[1]: int(row[2].replace(",", "")) for row in rows if row}
    counted = bench_python.measure(ROOT / "build" / "qemu" / "kernel.elf")
    assert said.keys() == {operation.title for operation in PYTHON_OPERATIONS}
    for operation in PYTHON_OPERATIONS:
        count = counted[operation.key]
        assert count <= (1 + tolerance()) * said[operation.title], operation.title
        assert operation.aim is not None
        assert count <= operation.aim, operation.title
