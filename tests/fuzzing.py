"""What the long fuzzers count, in build/fuzz.json: `make fuzz` writes it, each fuzzer its own keys."""

import fcntl
import json

from adder.board import ROOT

REPORT = ROOT / "build" / "fuzz.json"


def record(**numbers: object) -> None:
    """Put these keys into the report; the others stay. Fuzzers that run side by side wait for each other."""
    REPORT.parent.mkdir(exist_ok=True)
    with REPORT.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        text = file.read()
        report = {**(json.loads(text) if text else {}), **numbers}
        file.seek(0)
        file.truncate()
        file.write(json.dumps(dict(sorted(report.items())), indent=2) + "\n")
