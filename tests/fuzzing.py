"""What the long fuzzers count: `make fuzz` writes it into build/fuzz.json, which has just the keys below.

Each run notes the commit, and what it tried (`code`), in build/fuzz-runs.json; a fuzzer that is a function of seeds
also these. Runs of the same code are added up, so a million programs need not be one run; the others stay in the list
for the record. What nobody has run with the code as it is, is null in the report.
"""

import fcntl
import functools
import hashlib
import json
import subprocess
from collections.abc import Callable
from typing import Any

from adder.board import ROOT

REPORT = ROOT / "build" / "fuzz.json"
RUNS = ROOT / "build" / "fuzz-runs.json"
KEYS = (
    "host_programs", "image_programs", "mutants", "mutants_refused", "injector_points", "dead_witnesses", "findings",
)  # fmt: skip
TRIED = (
    "firmware", "capsules", "board", "boards", "adder/verify", "adder/verify_image", "adder/build/freeze.py",
    "adder/build/prepare.py", "mpy-cross.cfg", "tests/fuzz", "tests/adversarial",
)  # fmt: skip
"""What decides over the outcome of a run: as long as it is the same, runs may be added up."""

TRIED_BY = {
    "host": (
        "firmware/arch/cortex_m4/mpu.h", "firmware/arch/cortex_m4/registers.h", "firmware/core", "firmware/kernel",
        "firmware/objects", "firmware/port", "firmware/stubs",
        *(f":!firmware/kernel/{name}.c" for name in ("fault", "crash_screen", "schedule", "tick")),
        *(
            f"capsules/{name}.py"
            for name in (
                "core/alarm", "core/console", "core/kernel_log", "core/led", "core/process_faults", "core/process_info",
                "drivers/cmsdk/dualtimer", "drivers/cmsdk/fpgaio", "drivers/cmsdk/uart", "parts/lent",
                "parts/receptions",
                "virtual/console_input", "virtual/console_sessions", "virtual/foreground", "virtual/kept_output",
                "virtual/virtual_alarm", "virtual/virtual_uart",
            )
        ),
        "board/components/console.py", "adder/verify", "adder/build/freeze.py", "adder/build/prepare.py",
        "mpy-cross.cfg", "tests/fuzz", ":!tests/fuzz/test_*", ":!tests/fuzz/holes*", ":!tests/fuzz/on_image.py",
        "tests/adversarial/hostile/board/victim.py",
    )
}  # fmt: skip
"""What alone decides over that of a fuzzer which runs for hours; it begins anew for nothing else."""


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


@functools.cache
def code(what: str) -> tuple[str, str]:
    """The commit, and a name for what this fuzzer tries; changes that are not committed have one of their own.

    As it is when a run begins: the tree may change while that goes on.
    """
    tried = TRIED_BY.get(what, TRIED)
    changes = git("diff", "HEAD", "--", *tried)
    name = hashlib.sha256((git("ls-files", "-s", "--", *tried) + changes).encode()).hexdigest()[:12]
    return git("rev-parse", "--short", "HEAD") + ("+" if changes else ""), name


Run = dict[str, Any]


def _runs() -> list[Run]:
    found: list[Run] = json.loads(RUNS.read_text()) if RUNS.is_file() and RUNS.stat().st_size else []
    return found


def _same(runs: list[Run], what: str | None = None) -> list[Run]:
    """Those of the same code; of one fuzzer."""
    return [run for run in runs if run["code"] == code(run["what"])[1] and what in (None, run["what"])]


def _sum(runs: list[Run], key: str) -> Any:
    parts = [run["numbers"][key] for run in _same(runs) if key in run["numbers"]]
    return sum(parts, type(parts[0])()) if parts else None


def _change(change: Callable[[list[Run]], None]) -> None:
    """Change the list of runs, and the report with it. Fuzzers that run side by side wait for each other."""
    RUNS.parent.mkdir(exist_ok=True)
    with RUNS.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        runs = _runs()
        change(runs)
        file.seek(0)
        file.truncate()
        file.write(json.dumps(runs, indent=2) + "\n")
        file.flush()
        REPORT.write_text(json.dumps({key: _sum(runs, key) for key in KEYS}, indent=2) + "\n")


def record(what: str, **numbers: Any) -> None:
    """What a fuzzer has counted that runs as a whole; in place of its last run of the same code."""
    commit, name = code(what)

    def change(runs: list[Run]) -> None:
        for run in _same(runs, what):
            runs.remove(run)
        runs.append({"what": what, "commit": commit, "code": name, "numbers": numbers})

    _change(change)


def add_run(what: str, first: int, count: int, **numbers: Any) -> None:
    """Add what a run over `count` seeds from `first` on has counted."""
    commit, name = code(what)

    def change(runs: list[Run]) -> None:
        same = _same(runs, what)
        if any(run["first"] < first + count and first < run["first"] + run["count"] for run in same):
            raise ValueError(f"{what}: seeds {first} to {first + count - 1} have been counted already")
        before = next((run for run in same if run["first"] + run["count"] == first and run["commit"] == commit), None)
        if before is None:
            before = {"what": what, "commit": commit, "code": name, "first": first, "count": 0, "numbers": {}}
            runs.append(before)
        before["count"] += count
        for key, number in numbers.items():
            before["numbers"][key] = before["numbers"][key] + number if key in before["numbers"] else number

    _change(change)


def next_seed(what: str) -> int:
    """The first seed behind all that have been run, whatever the code was; here a run begins."""
    code(what)
    return max((run["first"] + run["count"] for run in _runs() if run["what"] == what), default=0)


def counted(key: str) -> Any:
    """What the runs of this code have counted so far; None if there is none."""
    return _sum(_runs(), key)
