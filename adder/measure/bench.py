"""How many instructions the kernel's operations take: the verb `adder bench`.

The bench apps run on the real kernel in QEMU, which logs every instruction. An operation of an
app is what lies between two empty functions that the app calls:

    bench_begin_null_command();
    command(LED, 0, 0, 0);
    bench_end_null_command();

The count is of the instructions between the return of the first and the entry of the second.
Each operation is done several times; the median counts, so a time slice that ends in the middle
of one does no harm. Four operations have their marks in the kernel or between apps:

    ipc_round_trip      like any other; the app that begins it ends it
    interrupt_to_upcall from the first `irq_entry` in the kernel since a system call to `bench_alarm_upcall` in the app
    slice_switch        from `SysTick_Handler` to the next instruction of another app
    boot_to_user        from `Reset_Handler` to the first instruction of any app

`containment` is the part of a null command that would not be there if nothing could fail: the instructions of
nlr_push and nlr_pop and of their calls, and those of kernel/contain.h, found by their source lines.
"""

import linecache
import re
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from adder.board import ROOT, load_board
from adder.duration import Duration
from adder.errors import AdderError
from adder.image.flash_image import FlashImage, read_app_file
from adder.measure import bench_python, bench_worst
from adder.measure.bench_app import BenchApp, Samples, find_elf, load_app
from adder.measure.trace import LogParser, Place, TracedRun
from adder.output import console, table, write_json
from adder.symbols import Symbols

KERNEL = 0
"""The place of every address that is neither in an app nor marked."""


BENCH_APPS = ("bench", "bench-service", "bench-spin", "bench-spin2")
"""What is measured, and the apps that it needs beside it."""


@dataclass(frozen=True)
class Operation:
    """One line of the table."""

    key: str
    title: str
    tock: int | None = None
    """Instructions on Tock 2.2, as measured on an nRF52840 in Renode."""
    aim: int | None = None


OPERATIONS = (
    Operation("null_command", "null command (LED)", 586, 586),
    Operation("containment", "  of it: to contain what fails", aim=60),
    Operation("led_toggle", "LED toggle", 599, 599),
    Operation("alarm_get_time", "alarm: get time", 822, 822),
    Operation("yield_no_wait", "yield-no-wait, nothing pending", 525, 105),
    Operation("allow_swap", "allow swap", 870, 175),
    Operation("subscribe_swap", "subscribe swap", 928, 185),
    Operation("memop", "memop 2", 603, 120),
    Operation("slice_switch", "end of a slice, to another app", 984, 250),
    Operation("ipc_round_trip", "IPC round trip", 9979, 1000),
    Operation("console_write_upcall", "console write of 0 bytes + upcall", 2397),
    Operation("interrupt_to_upcall", "interrupt to the app's upcall", 2654),
    Operation("boot_to_user", "reset to first user instruction", 74428),
)

BESIDE_FAULTS = (
    Operation("interrupt_to_upcall_worst", "the same, worst of 1,000 beside faults", aim=6000),
    Operation("boot_to_process", "reset to first user instruction, eight apps", aim=150000),
)
"""What is counted while apps crash (bench_worst.py)."""

PYTHON_OPERATIONS = (
    Operation("python_asyncio_switch", "Python: switch of asyncio tasks", aim=6605),
    Operation("python_print_byte", "Python: a printed byte, in lines of 64", aim=640),
    Operation("python_ipc_round_trip", "Python: IPC round trip, to Python", aim=10450),
    Operation("python_ipc_rot13", "Python: the same, with rot13 of 32 bytes", aim=26300),
    Operation("python_sensor_read", "Python: temperature.read()", aim=13300),
    Operation("python_led_toggle", "Python: led.toggle(0), ten a round", aim=674),
)
"""What a Python app measures itself (bench_python.py). The aims: half of what each took at first."""


class Stopwatch:
    """Watches a run and counts the instructions of each operation."""

    def __init__(
        self,
        kernel: Symbols,
        apps: Sequence[BenchApp],
        *,
        wanted: int,
        profile: str | None = None,
    ) -> None:
        self.samples: dict[str, Samples] = {}
        self.done = threading.Event()
        self._wanted = wanted
        self._profile = profile
        self.places: list[Place] = []
        self._begins: dict[int, tuple[int, str]] = {}
        self._ends: dict[int, tuple[int, str]] = {}
        self._upcalls: set[int] = set()
        self._app_of: dict[int, int] = {}
        self._open: dict[tuple[int, str], int] = {}
        self._mark_places(kernel, apps)
        self.parser = LogParser(self.places, self)
        self._reset: int | None = None
        self._interrupt: int | None = None
        self._tick: tuple[int, int] | None = None
        self._booted = False

    def _mark_places(self, kernel: Symbols, apps: Sequence[BenchApp]) -> None:
        def mark(start: int, end: int) -> int:
            self.places.append(Place(start, end, len(self.places) + 1))
            return len(self.places)

        def first_instruction(name: str) -> int:
            address = kernel[name].address
            return mark(address, address + 2)

        self._reset_entry = first_instruction("Reset_Handler")
        self._irq_entry = first_instruction("irq_entry")
        self._tick_entry = first_instruction("SysTick_Handler")
        for index, app in enumerate(apps):
            self._app_of[mark(app.placed.address, app.placed.end)] = index
            for symbol in app.symbols or ():
                address, name = symbol.address, symbol.name
                match = re.fullmatch(r"bench_(begin|end)_(\w+)", name)
                if match is None and name != "bench_alarm_upcall":
                    continue
                if match is not None and match[1] == "begin":
                    place = mark(address, address + max(symbol.size, 2))
                    self._begins[place] = (index, match[2])
                    self.samples.setdefault(match[2], Samples())
                else:
                    place = mark(address, address + 2)
                    if match is None:
                        self._upcalls.add(place)
                        self.samples.setdefault("interrupt_to_upcall", Samples())
                    else:
                        self._ends[place] = (index, match[2])
                self._app_of[place] = index
        starts = [place.start for place in self.places]
        if len(set(starts)) != len(starts):
            raise AdderError(
                "Two of the bench_ functions have the same address: the compiler has merged "
                "them; give each one __attribute__((noipa))."
            )
        for key in ("slice_switch", "boot_to_user"):
            self.samples.setdefault(key, Samples())

    def keep_from(self) -> int | None:
        """The first instruction that the profile may still need."""
        if self._profile is None:
            return None
        if self._profile == "boot_to_user":
            return None if self._booted else self._reset
        if self._profile == "interrupt_to_upcall":
            return self._interrupt
        if self._profile == "slice_switch":
            return self._tick[0] if self._tick else None
        starts = [count for (_, key), count in self._open.items() if key == self._profile]
        return min(starts, default=None)

    def passed(self, count: int, before: int, now: int) -> None:
        begun = self._begins.get(before)
        if begun is not None:
            self._open[begun] = count
        if now == self._irq_entry:
            if self._interrupt is None:
                self._interrupt = count
        elif now == KERNEL and before in self._app_of:  # a system call
            self._interrupt = None
        elif now == self._reset_entry:
            self._reset = count
        elif now == self._tick_entry:
            # Only a slice of a running app ends; the tick may also come while the kernel sleeps.
            running = self._app_of.get(before)
            self._tick = (count, running) if running is not None else None
        app = self._app_of.get(now)
        if app is None:
            return
        if not self._booted and self._reset is not None:
            self._add("boot_to_user", self._reset, count)
            self._booted = True
        if self._tick is not None:
            start, interrupted = self._tick
            if app != interrupted:
                self._add("slice_switch", start, count)
            self._tick = None
        if now in self._upcalls and self._interrupt is not None:
            self._add("interrupt_to_upcall", self._interrupt, count)
            self._interrupt = None
        ended = self._ends.get(now)
        if ended is not None and (start_count := self._open.pop(ended, None)) is not None:
            self._add(ended[1], start_count, count)

    def _add(self, key: str, start: int, end: int) -> None:
        samples = self.samples[key]
        if len(samples.counts) < self._wanted:
            samples.counts.append(end - start)
            if key == self._profile:
                samples.profiles.append(self.parser.profile(start, end))
        if not self.missing():
            self.done.set()

    def missing(self) -> list[str]:
        """The operations that have not been seen often enough."""
        return [
            key
            for key, samples in self.samples.items()
            if len(samples.counts) < (1 if key == "boot_to_user" else self._wanted)
        ]


class Namer:
    """Says which function an address belongs to, in the kernel or in an app."""

    def __init__(self, kernel: Symbols, apps: Sequence[BenchApp]) -> None:
        self._kernel = kernel
        self._apps = apps

    def __getitem__(self, address: int) -> str:
        for app in self._apps:
            if app.placed.address <= address < app.placed.end:
                name = app.symbols.at(address) if app.symbols else None
                return f"{app.placed.app.name}: {name or hex(address)}"
        return self._kernel.at(address) or hex(address)


def by_function(profile: Counter[int], name: Namer) -> list[tuple[str, int]]:
    """Instructions by function, the largest first."""
    totals: Counter[str] = Counter()
    for address, count in profile.items():
        totals[name[address]] += count
    return totals.most_common()


def measure(
    kernel: Path,
    tbfs: Sequence[Path],
    *,
    samples: int,
    timeout: float,
    profile: str | None = None,
) -> tuple[Stopwatch, Namer]:
    """Run the bench apps until every operation has been counted `samples` times."""
    if not kernel.is_file():
        raise AdderError(f"{kernel} does not exist; `make` builds the kernel.")
    with tempfile.TemporaryDirectory() as folder:
        image = FlashImage(Path(folder) / "flash.img")
        files = {app.data: path for path in tbfs for app in [read_app_file(path)]}
        placed = image.install([read_app_file(path) for path in tbfs])
        apps = [load_app(entry, find_elf(files[entry.app.data])) for entry in placed]
        symbols = Symbols.read(kernel)
        stopwatch = Stopwatch(symbols, apps, wanted=samples, profile=profile)
        if profile is not None and profile not in stopwatch.samples:
            known = ", ".join(stopwatch.samples)
            raise AdderError(f"There is no operation '{profile}'; there are: {known}.")
        run = TracedRun(kernel, image.path, stopwatch.parser, stopwatch.done)
        transcript = run.run(timeout)
    missing = stopwatch.missing()
    if missing:
        raise AdderError(
            f"After {stopwatch.parser.count:,} instructions these operations have not been seen "
            f"{samples} times: {', '.join(missing)}. The console shows:\n{transcript[-2000:]}"
        )
    return stopwatch, Namer(symbols, apps)


CONTAINING = ("nlr_push", "nlr_push_tail", "nlr_pop")
"""MicroPython's functions that an exception needs."""


def containment(kernel: Path, profile: Counter[int], name: Namer) -> int:
    """How many of a command's instructions are there to contain what fails."""
    ours = [address for address in profile if name[address] == "capsule_command"]
    command = ["arm-none-eabi-addr2line", "-e", str(kernel), *map(hex, ours)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    count = sum(number for address, number in profile.items() if name[address] in CONTAINING)
    for address, place in zip(ours, output.split("\n"), strict=False):
        file, _, line = place.split(" ")[0].rpartition(":")
        if file.endswith("contain.h") or (line.isdigit() and "nlr_" in linecache.getline(file, int(line))):
            count += profile[address]
    return count


def report(samples: dict[str, Samples]) -> dict[str, object]:
    """The contents of bench.json: the medians, or the worst, by key, and under `samples` how they spread."""
    out: dict[str, object] = {key: entry.figure for key, entry in samples.items() if entry.counts}
    out["samples"] = {
        key: {"count": len(entry.counts), "min": min(entry.counts), "max": max(entry.counts)}
        for key, entry in samples.items()
        if entry.counts
    }
    return out


def show(samples: dict[str, Samples]) -> None:
    """Print the table."""
    headings = ("instructions", "aim", "Tock 2.2", "ours / Tock", "range")
    rows = table("operation", right=headings)
    known = {operation.key: operation for operation in (*OPERATIONS, *BESIDE_FAULTS, *PYTHON_OPERATIONS)}
    order = [key for key in known if key in samples] + sorted(set(samples) - set(known))
    for key in order:
        entry = samples[key]
        if not entry.counts:
            continue
        operation = known.get(key, Operation(key, key.replace("_", " ")))
        ours = entry.figure
        style = "" if operation.aim is None else "green" if ours <= operation.aim else "yellow"
        low, high = min(entry.counts), max(entry.counts)
        rows.add_row(
            operation.title,
            f"{ours:,}",
            f"{operation.aim:,}" if operation.aim else "",
            f"{operation.tock:,}" if operation.tock else "",
            f"{ours / operation.tock:.2f}" if operation.tock else "",
            "" if low == high else f"{low:,} to {high:,}",
            style=style,
        )
    console().print(rows)


def show_profile(key: str, samples: Samples, name: Namer) -> None:
    """Print where the instructions of one operation go."""
    functions = by_function(samples.profile, name)
    total = sum(count for _, count in functions)
    rows = table(right=("instructions", "share"))
    rows.add_column("function")
    for function, count in functions:
        rows.add_row(f"{count:,}", f"{count / total:.1%}", function)
    out = console()
    out.print(f"\n{key}: {total:,} instructions", style="bold")
    out.print(rows)


@click.command()
@click.argument("tbfs", metavar="[TBF...]", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--kernel", type=click.Path(dir_okay=False, path_type=Path),
    help="The kernel's ELF file.  [default: build/qemu/kernel.elf]",
)  # fmt: skip
@click.option("--profile", metavar="OP", help="Also show where the instructions of OP go.")
@click.option(
    "--samples", type=click.IntRange(min=1), default=9, show_default=True,
    help="How often each operation is counted; the median is reported.",
)  # fmt: skip
@click.option(
    "--timeout", type=Duration(), default=300.0, show_default=True, metavar="SECONDS",
    help="When to give up.",
)  # fmt: skip
@click.option(
    "--json", "json_path", type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the figures.  [default: build/bench.json]",
)  # fmt: skip
def bench(
    tbfs: tuple[Path, ...],
    kernel: Path | None,
    profile: str | None,
    samples: int,
    timeout: float,
    json_path: Path | None,
) -> None:
    """Count the instructions that kernel operations take.

    Runs the bench apps (build/apps/bench.tbf and its helpers, or those given) on the kernel in QEMU and counts
    exactly. An app's ELF file must lie in the folder of its TBF.
    """
    paths = list(tbfs) or [path for name in BENCH_APPS if (path := ROOT / "build" / "apps" / f"{name}.tbf").exists()]
    if not paths:
        raise AdderError("There are no bench apps in build/apps; `make bench` builds them.")
    kernel = kernel or load_board("qemu").build / "kernel.elf"
    stopwatch, name = measure(kernel, paths, samples=samples, timeout=timeout, profile=profile or "null_command")
    if profile in (None, "null_command"):
        counted = containment(kernel, stopwatch.samples["null_command"].profile, name)
        stopwatch.samples["containment"] = Samples([counted])
    if not tbfs and profile is None:
        stopwatch.samples |= bench_worst.measure(kernel)
        for key, count in bench_python.measure(kernel).items():
            stopwatch.samples[key] = Samples([count])
    write_json(json_path or ROOT / "build" / "bench.json", report(stopwatch.samples))
    show(stopwatch.samples)
    if profile is not None:
        show_profile(profile, stopwatch.samples[profile], name)
