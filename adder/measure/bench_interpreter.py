"""What protection costs the interpreter: the verb `adder bench-interpreter`.

MicroPython's own tests/perf_bench run three times: in a Python process on Adder, and on the same
interpreter without a kernel (tests/bench/bare), once with its state behind r9 and once at a fixed
address. QEMU counts: an instruction is a nanosecond of its virtual time, which the programs
measure themselves. The board's timer ticks every 10 us, so figures are good to 10,000 instructions.
"""

import os
import re
import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

from adder.apps import python_app
from adder.board import ROOT, load_board
from adder.errors import AdderError
from adder.image.flash_image import FlashImage, read_app
from adder.output import console, table, write_json
from adder.run.simulate import Simulation

VARIANTS = {"process": "process", "register": "bare, in r9", "fixed": "bare, fixed"}
SETTINGS = """# /// script
# [tool.adder]
# name = "perf"
# ram = 172032
# stack = 16384
# pystack = 8192
# native = true
# ///
"""
PARAMETERS = (100, 100)
"""What perf_bench calls N, MHz of the CPU, and M, KB of heap: how much each program does."""

TIMEOUT = 120.0


@dataclass(frozen=True)
class Row:
    """One program's instructions, by variant."""

    name: str
    instructions: dict[str, int]

    def overhead(self, variant: str, base: str) -> float:
        """How much more `variant` takes than `base`, in per cent."""
        return 100 * (self.instructions[variant] / self.instructions[base] - 1)


def micropython() -> Path:
    """Where MicroPython's source is."""
    place = ROOT / "build" / ".micropython"
    if not place.is_file():
        raise AdderError("MicroPython's source is not there yet; `make kernel` fetches it.")
    return (ROOT / place.read_text().strip()).resolve()


def build_bare(state: str) -> Path:
    """Build the interpreter without a kernel; `state` is register or fixed."""
    build = ROOT / "build" / f"bare-{state}"
    kernel = load_board("qemu").build
    done = subprocess.run(
        [
            "make", "-s", "-C", str(ROOT / "tests" / "bench" / "bare"), f"-j{os.cpu_count()}",
            f"TOP={micropython()}", f"BUILD={build}", f"KERNEL={kernel}", f"STATE={state}",
        ],
        capture_output=True, text=True, check=False,
        env=os.environ | {"MICROPY_GIT_TAG": "v1.25.0", "MICROPY_GIT_HASH": "release"},
    )  # fmt: skip
    if done.returncode:
        raise AdderError(f"The bare interpreter does not build: {done.stderr.strip()[-300:]}")
    return build / "bare.elf"


def count(kernel: Path, image: Path) -> tuple[int, str] | None:
    """Instructions that the program counted, and its result; None if it does not run with so little memory."""
    with Simulation(kernel, image, clock="counted", shift=0) as simulation:
        end = r"^(?P<us>-?\d+) (?P<norm>\S+) (?P<out>[^\r\n]*)\r?\n|uncaught exception|bare: (?:crash|fault|lost)"
        found = simulation.expect(end, timeout=TIMEOUT)
    if found["us"] is None or int(found["us"]) < 0:
        return None
    return int(found["us"]) * 1000, found["out"].decode()


def measure(program: Path, kernels: dict[str, Path], folder: Path) -> Row | None:
    """Run one program on every variant."""
    harness = (program.parent / "benchrun.py").read_text()
    source = folder / "perf.py"
    source.write_text(f"{SETTINGS}{program.read_text()}\n{harness}\nbm_run({PARAMETERS[0]}, {PARAMETERS[1]})\n")
    app = read_app(python_app.build(source).tbf.encode(), program.name)
    counts: dict[str, int] = {}
    results = set()
    for variant, kernel in kernels.items():
        image = FlashImage(folder / f"{variant}.img")
        image.install([app], only=True)
        counted = count(kernel, image.path)
        if counted is None:
            return None
        counts[variant] = counted[0]
        results.add(counted[1])
    if len(results) > 1:
        raise AdderError(f"{program.name} gives different results: {', '.join(sorted(results))}.")
    return Row(program.stem, counts)


def report(rows: list[Row]) -> dict[str, object]:
    """For the JSON file."""
    return {
        "programs": {row.name: row.instructions for row in rows},
        "process_overhead_percent": round(statistics.mean(row.overhead("process", "fixed") for row in rows), 2),
        "state_register_overhead_percent": round(statistics.mean(row.overhead("register", "fixed") for row in rows), 2),
    }


def show(rows: list[Row], left_out: list[str]) -> None:
    """Print the table."""
    grid = table("program", right=(*VARIANTS.values(), "r9 costs", "process costs"))
    for row in rows:
        grid.add_row(
            row.name,
            *(f"{row.instructions[variant]:,}" for variant in VARIANTS),
            f"{row.overhead('register', 'fixed'):+.2f} %",
            f"{row.overhead('process', 'fixed'):+.2f} %",
        )
    figures = report(rows)
    grid.add_row(
        "mean", "", "", "",
        f"{figures['state_register_overhead_percent']:+.2f} %", f"{figures['process_overhead_percent']:+.2f} %",
    )  # fmt: skip
    console().print(grid)
    if left_out:
        console().print(f"Not run, for want of memory or of a feature: {', '.join(left_out)}.")


@click.command("bench-interpreter")
@click.option("--only", default="", help="Only programs whose name matches this regular expression.")
@click.option(
    "--json", "json_path", type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the figures.  [default: build/bench-interpreter.json]",
)  # fmt: skip
def bench_interpreter(only: str, json_path: Path | None) -> None:
    """Count the instructions of MicroPython's perf_bench, in a process and on the bare interpreter."""
    programs = sorted((micropython() / "tests" / "perf_bench").glob("*.py"))
    try:
        pattern = re.compile(only)
    except re.error as error:
        raise AdderError(f"--only '{only}' is not a regular expression: {error}.") from None
    programs = [path for path in programs if path.stem != "benchrun" and pattern.search(path.stem)]
    kernels = {"process": load_board("qemu").build / "kernel.elf"}
    kernels |= {state: build_bare(state) for state in ("register", "fixed")}
    rows, left_out = [], []
    with tempfile.TemporaryDirectory() as folder:
        for program in programs:
            row = measure(program, kernels, Path(folder))
            if row is None:
                left_out.append(program.stem)
            else:
                rows.append(row)
    if not rows:
        raise AdderError("None of the programs ran.")
    show(rows, left_out)
    write_json(json_path or ROOT / "build" / "bench-interpreter.json", report(rows))
