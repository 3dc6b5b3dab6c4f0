"""The report of a bring-up: its lines, what each means, and what to look at when it is red."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from adder.errors import AdderError

EXPLAINED = Path(__file__).with_name("lines.toml")

OK, FAIL, SKIPPED = "ok", "FAIL", "skipped"

ANSWERED = "# answered"
"""A line of the file: this tool has said what the board asked for."""

_LINE = re.compile(r"^= (?P<name>[a-z][\w.-]*) (?:(?P<found>.*?) ?(?P<verdict>ok|FAIL)|skipped: (?P<why>.*))$")
_END = re.compile(r"^= end: ")
_BEGIN = re.compile(r"^= bring-up of ")
_SPEAKER = re.compile(r"^[\w ]+: (?== )", re.MULTILINE)


@dataclass(frozen=True)
class Line:
    """One test's result."""

    name: str
    found: str
    verdict: str


@dataclass(frozen=True)
class Explanation:
    """What a line is about."""

    what: str
    look: str


def plain(text: str) -> list[str]:
    """The lines of what a console has shown, without the names of capsules that the kernel's log puts before them."""
    return _SPEAKER.sub("", text.replace("\r", "")).split("\n")


def read(text: str) -> list[Line]:
    """The results in a report. Of a test that was made twice, since the watchdog has bitten, the last one counts."""
    found: dict[str, Line] = {}
    answered = ANSWERED in text
    for line in plain(text):
        match = _LINE.match(line)
        if match is None or _END.match(line):
            continue
        name, verdict, what = match["name"], match["verdict"] or SKIPPED, match["found"] or match["why"] or ""
        if name == "receive" and verdict == SKIPPED and answered:
            verdict, what = FAIL, "this tool has answered, and the board has not heard it"
        found.pop(name, None)
        found[name] = Line(name, what, verdict)
    return list(found.values())


def is_whole(text: str) -> bool:
    """Whether the board has come to the end."""
    lines = plain(text)
    ends = [number for number, line in enumerate(lines) if _END.match(line)]
    begins = [number for number, line in enumerate(lines) if _BEGIN.match(line)]
    return bool(ends and begins) and ends[-1] > begins[-1]


@cache
def _explanations() -> dict[str, Explanation]:
    return {name: Explanation(**entry) for name, entry in tomllib.loads(EXPLAINED.read_text()).items()}


def explain(name: str) -> Explanation:
    """What is known of a line: by its whole name, or by what it begins with (`pin-P1.03`: `pin-`)."""
    known = _explanations()
    for begins in (name, *(name[:at] for at in range(len(name) - 1, 0, -1) if name[at - 1] == "-")):
        if begins in known:
            return known[begins]
    raise AdderError(f"{EXPLAINED.name} has nothing of a line '{name}'.")


def verdict(text: str) -> Sequence[Line]:
    """The lines that are red; an error if the report is none, or breaks off."""
    lines = read(text)
    if not lines:
        raise AdderError(
            "There is no line of a bring-up in it: docs/bring-up.md says what a board that is silent may lack."
        )
    return [line for line in lines if line.verdict == FAIL]
