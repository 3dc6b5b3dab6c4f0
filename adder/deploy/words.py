"""What apps on a board have said last, and why one has ended: the verbs `adder logs` and `adder why`."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from adder.deploy import link as wire
from adder.deploy.command import apps_complete, on_a_board, say
from adder.deploy.find import board
from adder.deploy.remote import Installed, Remote
from adder.errors import AdderError
from adder.output import tell

POLL = 0.1
"""Seconds of the host between two looks."""

_POSITIONS = 1 << 24

MOST_AT_ONCE = 64 << 10
"""Bytes that are fetched before they are shown; a board remembers less."""
_ENDED = 4

_SHORT_ID = 4
"""Which number of an end is the app's short ID; 0: it has none."""

LONGEST_NAME = 24
"""Bytes of an app's name that are remembered with its end."""

# CFSR: ARMv7-M, B3.2.15
CAUSES = {
    0x01: "it ran code where it has none",
    0x02: "it read or wrote memory that is not its own",
    0x10: "its stack was full",
    0x100: "it ran code where no memory is",
    0x200: "it read or wrote where no memory is",
    0x400: "it wrote where no memory is",
    0x1_0000: "it came to something that is no instruction",
    0x2_0000: "it jumped to an even address",
    0x100_0000: "it read or wrote at an address that is not aligned",
    0x200_0000: "it divided by zero",
}


@dataclass
class Life:
    """What a process has written from its beginning on, as far as it is there, and the numbers of its end."""

    text: str
    end: tuple[int, ...] | None = None
    name: bytes = b""
    """The first bytes of the app's, if it has ended."""

    def why(self) -> str:
        """In words."""
        if self.end is None:
            return "It has not ended."
        status, state, address, code, _, *registers = self.end
        causes = [words for bit, words in CAUSES.items() if status & bit]
        if state == _ENDED:
            return f"It ended with code {code - (1 << 32) if code >> 31 else code}." if code else "It ended by itself."
        if not status:
            call = "it made a system call that there is not"
            return f"It faulted: {call}, as a Python app does at an exception that nothing catches."
        where = f" at {address:#010x}" if status & 0x8080 else ""
        at = "".join(f", {name} {value:#010x}" for name, value in zip(("PC", "LR", "SP"), registers, strict=False))
        return f"It faulted: {' and '.join(causes) or 'for no known reason'}{where} (CFSR {status:#010x}{at})."


def said(remote: Remote, app: Installed, since: int = 0) -> tuple[int, bytes]:
    """What the app's process has written since a position, as far as it is there; and the position after that."""
    found = b""
    while True:
        answer = remote.link.ask(wire.SAID, app.number, since)
        if len(answer) < 4:
            raise wire.short(wire.SAID)
        piece = answer[4:]
        since = (int.from_bytes(answer[:4], "little") + len(piece)) % _POSITIONS
        found += piece
        if not piece or len(found) > MOST_AT_ONCE:
            return since, found


def lives(data: bytes, name: str, short_id: int) -> list[Life]:
    """The lives of this app in the bytes of its slot's ring: the last one, and others that have ended.

    Of the first one the beginning may be missing: then it begins with a whole line.
    """
    before, *parts = data.split(b"\0")
    if before:
        line, end, rest = before.partition(b"\n")
        parts.insert(0, b"\xe2\x80\xa6\n" + rest if end and b"\1" not in line else before)
    short = bytes(byte if byte >= 32 else ord("?") for byte in name.encode()[:LONGEST_NAME])
    found = [life_in(part) for part in parts]
    own = [life for life in found[:-1] if life.end and life.name == short and life.end[_SHORT_ID] == short_id]
    own += found[-1:]
    return [life for life in own if life.text or life.end]


def life_in(part: bytes) -> Life:
    """What is there between two zeros."""
    text, mark, end = part.partition(b"\1")
    numbers, name = None, b""
    if mark:
        line, _, rest = end.partition(b"\n")
        written, _, name = line.partition(b":")
        words = written.split()
        if all(re.fullmatch(rb"[0-9a-f]{8}", word) for word in words) and len(words) > _SHORT_ID:
            numbers = tuple(int(word, 16) for word in words)
        text += rest
    return Life(text.decode("utf-8", "replace").replace("\r\n", "\n"), numbers, name)


def with_source(text: str, folder: Path) -> Iterator[str]:
    """The lines; below each of a traceback that names a line of a file in the folder, that line."""
    for line in text.splitlines():
        yield line
        match = re.match(r'\s*File "([^"/\\]+\.py)", line (\d+)', line)
        if match and (folder / match[1]).is_file():
            source = (folder / match[1]).read_text(errors="replace").splitlines()
            if 0 < int(match[2]) <= len(source):
                yield f"    {source[int(match[2]) - 1].strip()}"


def _running(remote: Remote, name: str) -> Installed:
    app = remote.find(name)
    if app.slot is None:
        raise AdderError(f"{name} has no process, so nothing is known of what it has said.")
    return app


@click.command()
@on_a_board
@click.option("-f", "--follow", is_flag=True, help="Go on with what it says, until Ctrl-C.")
@click.argument("name", metavar="APP", shell_complete=apps_complete)
def logs(name: str, follow: bool, port: str | None, as_json: bool) -> None:
    """Show what an app has written last, though others write to the console, too."""
    with board(port) as remote:
        app = _running(remote, name)
        since, data = said(remote, app)
        text = "".join(life.text for life in lives(data, name, app.short_id))
        say(as_json, {"name": name, "text": text}, text.rstrip("\n"))
        while follow:
            time.sleep(POLL)
            remote.link.go_on()
            since, data = said(remote, _running(remote, name), since)
            tell("".join(life_in(part).text for part in data.split(b"\0")), end="")


@click.command()
@on_a_board
@click.option(
    "--source", type=click.Path(file_okay=False, exists=True, path_type=Path), default=".",
    help="Where the app's source is, for the lines of a traceback.  [default: here]",
)  # fmt: skip
@click.argument("name", metavar="APP", shell_complete=apps_complete)
def why(name: str, source: Path, port: str | None, as_json: bool) -> None:
    """Show what an app wrote last before it ended, and why it did: in this life, or in the one before."""
    with board(port) as remote:
        app = _running(remote, name)
        _, data = said(remote, app)
    ended = [life for life in lives(data, name, app.short_id) if life.end is not None]
    if not ended:
        raise AdderError(f"{name} has not ended since the board was started, or long ago.")
    last = ended[-1]
    contents: dict[str, Any] = {"name": name, "restarts": app.restarts, "text": last.text, "why": last.why()}
    say(as_json, contents, "\n".join([*with_source(last.text, source), last.why()]))
