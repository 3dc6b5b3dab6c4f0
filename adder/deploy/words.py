"""What apps on a board have said last, and why one has ended: the verbs `adder logs` and `adder why`."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from adder.apps.app_source import with_source
from adder.apps.tbf import PythonProgram
from adder.board import board_names, load_board
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

_WITH_PC = 8
"""Numbers of an end to which PC, LR and SP belong; the board leaves out what it could not put onto the stack."""

LONGEST_NAME = 24
"""Bytes of an app's name that are remembered with its end."""

LINKED_AT = 0x8000_0000
"""Where the flash of a program begins that can lie anywhere (apps/runtime/app.ld; libtock-c's is the same)."""

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

    @property
    def pc(self) -> int:
        """Where it has ended; 0 if that is lost."""
        return self.end[-3] if self.end and len(self.end) == _WITH_PC else 0

    def why(self, in_python: bool = False, program: range = range(0)) -> str:
        """In words; `in_python`: of a Python app, whose interpreter ends so when nothing catches an exception.

        `program` is where one lies that can lie anywhere: an address there is one in its ELF file, too.
        """
        if self.end is None:
            return "It has not ended."
        status, state, address, code, _, *registers = self.end
        causes = [words for bit, words in CAUSES.items() if status & bit]
        if state == _ENDED:
            return f"It ended with code {code - (1 << 32) if code >> 31 else code}." if code else "It ended by itself."
        if not status:
            return f"It faulted: {'an uncaught exception' if in_python else 'it made a system call that there is not'}."
        where = f" at {address:#010x}" if status & 0x8080 else ""
        *known, sp = registers or (None,)
        at = _named(known)
        if sp is not None:
            at = f"{at or ', PC and LR lost'}, SP {sp:#010x}"
        if all(address in program for address in known) and known:
            at += f"; in its ELF file{_named([LINKED_AT + address - program.start for address in known])[1:]}"
        return f"It faulted: {' and '.join(causes) or 'for no known reason'}{where} (CFSR {status:#010x}{at})."


def _named(registers: Sequence[int]) -> str:
    return "".join(f", {name} {value:#010x}" for name, value in zip(("PC", "LR"), registers, strict=False))


def _program_of(app: Installed, pc: int) -> range:
    """Where the app's program lies in which this address is, unless it is in Python, or linked for where it lies."""
    header = app.header
    if header is None or header.find(PythonProgram) is not None or header.fixed_addresses.flash is not None:
        return range(0)
    flashes = {load_board(name).app_flash.start for name in board_names()}  # the app's start is counted from there
    places = [range(flash + app.start + header.protected_size, flash + app.start + app.size) for flash in flashes]
    found = [place for place in places if pc in place]
    return found[0] if len(found) == 1 else range(0)


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
    "--source", type=click.Path(exists=True, path_type=Path), default=".",
    help="The app's source, or the folder that it is in, for the lines of a traceback.  [default: here]",
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
    in_python = app.header is not None and app.header.find(PythonProgram) is not None
    reason = last.why(in_python, _program_of(app, last.pc))
    contents: dict[str, Any] = {"name": name, "restarts": app.restarts, "text": last.text, "why": reason}
    say(as_json, contents, "\n".join([*with_source(last.text, name, source), reason]))
