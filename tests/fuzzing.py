"""What the long fuzzers count, in build/fuzz.json: `make fuzz` writes it, each fuzzer its own keys.

A fuzzer that is a function of seeds adds its runs up: each run notes its seeds, the commit, and what it tried (`code`).
Runs of the same code are summed, so a million programs need not be one run; the others stay in the list for the record.
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
TRIED = (
    "firmware", "capsules", "board", "boards", "adder/verify", "adder/verify_image", "adder/build/freeze.py",
    "adder/build/prepare.py", "mpy-cross.cfg", "tests/fuzz", "tests/adversarial",
)  # fmt: skip
"""What decides over the outcome of a run: as long as it is the same, runs may be added up."""


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


@functools.cache
def code() -> tuple[str, str]:
    """The commit, and a name for what is tried; changes that are not committed have one of their own.

    As it is when a run begins: the tree may change while that goes on.
    """
    changes = _git("diff", "HEAD", "--", *TRIED)
    name = hashlib.sha256((_git("ls-tree", "HEAD", "--", *TRIED) + changes).encode()).hexdigest()[:12]
    return _git("rev-parse", "--short", "HEAD") + ("+" if changes else ""), name


def _change(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Change the report. Fuzzers that run side by side wait for each other."""
    REPORT.parent.mkdir(exist_ok=True)
    with REPORT.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        text = file.read()
        report: dict[str, Any] = json.loads(text) if text else {}
        change(report)
        file.seek(0)
        file.truncate()
        file.write(json.dumps(dict(sorted(report.items())), indent=2) + "\n")
        return report


def record(**numbers: object) -> None:
    """Put these keys into the report; the others stay."""
    _change(lambda report: report.update(numbers))


def add_run(what: str, first: int, count: int, **numbers: Any) -> dict[str, Any]:
    """Add what a run over `count` seeds from `first` on has counted. The report has the sums under the same keys."""
    commit, name = code()

    def change(report: dict[str, Any]) -> None:
        runs = report.setdefault("runs", [])
        same = [run for run in runs if run["what"] == what and run["code"] == name]
        if any(run["first"] < first + count and first < run["first"] + run["count"] for run in same):
            raise ValueError(f"{what}: seeds {first} to {first + count - 1} have been counted already")
        before = next((run for run in same if run["first"] + run["count"] == first and run["commit"] == commit), None)
        if before is None:
            before = {"what": what, "commit": commit, "code": name, "first": first, "count": 0, "numbers": {}}
            runs.append(before)
            same.append(before)
        before["count"] += count
        for key, number in numbers.items():
            before["numbers"][key] = before["numbers"][key] + number if key in before["numbers"] else number
        for key in numbers:
            parts = [run["numbers"][key] for run in same if key in run["numbers"]]
            report[key] = sum(parts, type(parts[0])())

    return _change(change)


def next_seed(what: str) -> int:
    """The first seed behind all that have been run, whatever the code was; here a run begins."""
    code()
    runs = json.loads(REPORT.read_text()).get("runs", []) if REPORT.is_file() else []
    return max((run["first"] + run["count"] for run in runs if run["what"] == what), default=0)


def counted(what: str, key: str) -> int:
    """What the runs of this code have counted so far."""
    runs = json.loads(REPORT.read_text()).get("runs", []) if REPORT.is_file() else []
    name = code()[1]
    return sum(run["numbers"].get(key, 0) for run in runs if run["what"] == what and run["code"] == name)
