"""The verb `adder bringup`."""

import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import click

from adder import __version__
from adder.board import ROOT, Board, load_board, read_manifest
from adder.bringup.folder import APPS, chip_of
from adder.bringup.lines import Probe, SerialPort, SimulatedChip, Talker, converse
from adder.bringup.report import ANSWERED, FAIL, OK, SKIPPED, explain, is_whole, read, verdict
from adder.errors import AdderError
from adder.files import write_text
from adder.flash.command import METHODS, check_board, choose_way, named_way, write_board
from adder.flash.console import serial_port
from adder.flash.image import load_image
from adder.flash.uicr import wanted
from adder.output import prompt, tell
from adder.run.renode import flash_contents
from adder.text import MEGABYTE, read_file

COLOURS = {OK: "green", FAIL: "red", SKIPPED: "yellow"}


def folder_of(board: str) -> Path:
    """Where its bring-up is built."""
    return ROOT / "build" / f"bringup-{board}"


def build(board: str) -> Path:
    """Have make build it; returns the kernel."""
    kept = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    command = ["make", "--no-print-directory", "bringup", f"BOARD={board}"]
    if subprocess.run(command, cwd=ROOT, env=kept, check=False, stdout=sys.stderr).returncode:
        raise AdderError(f"The bring-up of {board} could not be built: `{' '.join(command)}` says why.")
    return folder_of(board) / "build" / "kernel.elf"


def apps() -> list[Path]:
    """The programs that the bench gives its jobs to."""
    return [ROOT / "build" / "apps" / f"{name}.tbf" for name in APPS]


def commit() -> str:
    """Which source it was built from."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def head(board: Board, way: str) -> str:
    """What stands before the board's own lines."""
    facts = {
        "board": f"{board.name}, {board.title}",
        "kernel": f"adder {__version__}, commit {commit()}",
        "read": way,
        "host": f"{platform.platform()}, Python {platform.python_version()}",
        "time": datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    return "# adder bringup\n" + "".join(f"# {name}: {value}\n" for name, value in facts.items())


def flash(board: Board, kernel: Path, method: str, probe: str | None, port: str | None) -> None:
    """Write it to the board."""
    check_board(board)
    image = load_image(kernel, apps(), board)
    way = choose_way(image, probe, port) if method == "auto" else named_way(method)
    name = probe if way[0].option == "--probe" else port
    write_board(image, board, way, name, False, wanted(read_manifest(board.name)["options"]))


def show_line(line: str) -> None:
    """One of the board's lines, in its colour."""
    colour = next((colour for word, colour in COLOURS.items() if line.endswith(word) or f" {word}: " in line), None)
    tell(line, colour if line.startswith("= ") else None)


def ask_person(question: str) -> str:
    """Ask whoever is there; `s` skips."""
    if not sys.stdin.isatty():
        return "s"
    return prompt(question, "s")[:1]


def summarize(text: str, file: Path | None) -> int:
    """Say what the report comes to; the exit code."""
    red, whole = verdict(text), is_whole(text)
    for line in red:
        about = explain(line.name)
        tell(f"{line.name}: {line.found}", "red")
        tell(f"    {about.what}\n    Look at: {about.look}")
    counts = {word: sum(1 for line in read(text) if line.verdict == word) for word in (OK, FAIL, SKIPPED)}
    tell(f"{counts[OK]} ok, {counts[FAIL]} failed, {counts[SKIPPED]} skipped." + (f" {file}" if file else ""))
    if not whole:
        tell("The report breaks off: the board has not come to the end.", "red")
    return int(bool(red) or not whole)


@click.group(invoke_without_command=True)
@click.option("--board", "board_name", default="nrf52840", show_default=True, metavar="BOARD", help="Which board.")
@click.option("--simulate", "simulated", is_flag=True, help="On a simulated board, in place of a real one.")
@click.option("--method", type=click.Choice(["auto", *METHODS]), default="auto", help="What to write through.")
@click.option("--probe", metavar="ID", help="Which debug probe, if there are several.")
@click.option("--port", metavar="PORT", help="Which serial port the board's console is at, if there are several.")
@click.option("--rtt", is_flag=True, help="Read the report through the debug probe, by pyOCD.")
@click.option("--no-flash", is_flag=True, help="It is on the board already: press its reset button.")
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="Where the report goes.")
@click.pass_context
def bringup(
    context: click.Context,
    board_name: str,
    simulated: bool,
    method: str,
    probe: str | None,
    port: str | None,
    rtt: bool,
    no_flash: bool,
    out: Path | None,
) -> int:
    """Test a board: build an image that does so by itself, flash it, read its report, and explain what is red.

    What it tries is in docs/bring-up.md. Kernel, apps and the last page of the storage are overwritten. The report is
    kept as a file that can be attached to an issue. Exit code 1 if something has failed.
    """
    if context.invoked_subcommand is not None:
        return 0
    board = load_board(board_name)
    if not simulated and not rtt:
        port = port or serial_port()  # before minutes of building
    kernel = build(board_name) if simulated or not no_flash else None
    talker: Talker
    ask: Callable[[str], str] = ask_person
    if simulated and kernel is not None:
        way, talker, ask = "a simulated board", simulate(board, kernel), lambda question: "y"
    else:
        way, talker = real_board(board, kernel, method, probe, port, rtt)
    heard = converse(talker, ask, show_line)
    if heard.silence is not None:
        if not read(heard.said):
            raise AdderError(heard.silence)
        tell(heard.silence, "red")
    answered = f"{ANSWERED}: the board's question on the line\n" if heard.answered else ""
    text = head(board, way) + answered + heard.said.replace("\r", "")
    file = out or ROOT / "build" / "bringup" / f"{board_name}-{datetime.now():%Y%m%d-%H%M%S}.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, text)
    return summarize(text, file)


def simulate(board: Board, kernel: Path) -> Talker:
    """A simulated board with the image in its flash."""
    if chip_of(board.name) == "qemu":
        from adder.bringup.in_qemu import SimulatedBoard

        return SimulatedBoard(kernel, apps())
    options: Mapping[str, int] = read_manifest(board.name)["options"]
    return SimulatedChip(kernel, flash_contents(apps(), board), board, options)


def real_board(
    board: Board, kernel: Path | None, method: str, probe: str | None, port: str | None, rtt: bool
) -> tuple[str, Talker]:
    """The board that is plugged in, with the image in its flash, if there is one to write, and how it is heard."""
    talker: Talker | None = None
    if not rtt:
        port = port or serial_port()
        talker = SerialPort(port)  # before it speaks
    if kernel is not None:
        flash(board, kernel, method, probe, port)
    if talker is None:
        talker = Probe(probe)
    return ("a debug probe" if rtt else f"{port}"), talker


@bringup.command("report")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--all", "everything", is_flag=True, help="Explain each line, not only what is red.")
def report(file: Path, everything: bool) -> int:
    """Explain a report. Exit code 1 if something in it has failed."""
    text = read_file(file, MEGABYTE).decode(errors="replace")
    if everything:
        for line in read(text):
            tell(f"{line.name} {line.found} {line.verdict}", COLOURS[line.verdict])
            tell(f"    {explain(line.name).what}")
    return summarize(text, None)
