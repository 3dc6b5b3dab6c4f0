"""Tock's process console, which is the shell's: `console()` leads there, `shell` back."""

import functools
import operator
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from adder.board import ROOT
from adder.run.simulate import Simulation

LIST = " PID    ShortID    Name                Quanta  Syscalls  Restarts  Grants  State\r\n"
VALID = (
    "Valid commands are: help status list stop start fault boot terminate process kernel reset panic "
    "console-start console-stop"
)


@pytest.fixture
def board(simulation) -> Iterator[Simulation]:
    with simulation("shell", "hello", "faulty") as board:
        board.expect(">>> ", timeout=60)
        yield board


def ask(board: Simulation, line: str, until: str = r"tock\$ ") -> str:
    """What is said to a command, up to the next prompt."""
    at = len(board.transcript)
    board.send(line.encode() + b"\r")
    board.expect(until, timeout=30)
    said = board.transcript[at:].replace("\r\n", "\n").partition(line)[2]
    return said.lstrip("\n").rpartition("tock$ ")[0]


def test_its_commands_do_and_say_what_tocks_do(board) -> None:
    welcome = ask(board, "console()")
    assert "Welcome to the process console.\n" + VALID in welcome
    assert VALID in ask(board, "what")
    listed = ask(board, "list").splitlines()
    assert listed[0] + "\r\n" == LIST
    row = r" (\d+) {1,6}Unique     hello {15} *(\d+) +(\d+) +0  +\?/ \?   Yielded(For)?"
    rows = [line for line in listed if " hello " in line]
    assert len(rows) == 1
    assert re.fullmatch(row, rows[0])
    assert all(len(line) >= len(LIST.rstrip()) - 5 for line in listed[1:] if "Unique" in line)
    assert re.search(r"Total processes: 3\nActive processes: 3\nTimeslice expirations: \d+\n", ask(board, "status"))
    assert "Process hello stopped\n" in ask(board, "stop hello")
    assert "Stopped(Yielded" in ask(board, "list")
    assert "Process hello resumed.\n" in ask(board, "start hello")
    assert "Process hello terminated\n" in ask(board, "terminate hello")
    assert re.search(r" hello .* Terminated\n", ask(board, "list"))
    ask(board, "boot hello")
    assert re.search(r" hello .* 1  +\?/ \?   Yielded", ask(board, "list"))
    assert "Reset function is not implemented\n" in ask(board, "reset")
    assert "no program may force a panic" in ask(board, "panic")
    assert ask(board, "kernel").startswith("Kernel version: 2.")
    board.send(b"fault hello\r")
    board.expect("Process hello now faulted\r\n", timeout=20)


def test_a_process_is_shown_with_its_memory_as_tock_shows_it(board) -> None:
    ask(board, "console()")
    shown = ask(board, "process hello")
    assert re.match(
        r"\U0001d400\U0001d429\U0001d429: hello   -   \[Yielded(For)?\]\n Events Queued: \d+   Syscall Count: \d+",
        shown,
    )
    for part in (
        "Restart Count: 0",
        "Completion Code: None",
        "▼ Grant  ",
        "▲ Heap  ",
        "▼ Stack  ",
        "App Flash  ",
        "Protected  ",
    ):
        assert part in shown
    addresses = [int(address, 16) for address in re.findall(r"0x([0-9A-F]{8})", shown)]
    ram, flash = addresses[:-3], addresses[-3:]
    assert ram == sorted(ram, reverse=True)
    assert flash == sorted(flash, reverse=True)


def renamed(path: Path, old: bytes, new: bytes, folder: Path) -> Path:
    """The app of a TBF file under another name, of the same length."""
    data = bytearray(path.read_bytes().replace(old, new, 1))
    header = struct.unpack_from("<H", data, 2)[0]
    struct.pack_into("<I", data, 12, 0)
    struct.pack_into("<I", data, 12, functools.reduce(operator.xor, struct.unpack_from(f"<{header // 4}I", data)))
    (folder / "named.tbf").write_bytes(data)
    return folder / "named.tbf"


@pytest.mark.parametrize(
    ("name", "said"), [(b"\x1b[2Jx", "\\x1b[2Jx"), (b"\xff\x07hey", "\\xff\\x07hey"), (b"../ab", "..\\x2fab")]
)
def test_a_name_that_is_no_text_is_shown_and_found_and_moves_no_cursor(simulation, tmp_path, name, said) -> None:
    app = renamed(ROOT / "build" / "apps" / "hello.tbf", b"hello", name, tmp_path)
    with simulation("shell", app, "faulty") as board:
        board.expect(">>> ", timeout=60)
        begin = len(board.raw)
        board.send(b"import os; sorted(os.listdir('/apps'))\r")
        board.expect(r"'faulty'.*'shell'.*\]", timeout=30)
        assert repr(said) in board.transcript
        ask(board, "console()")
        assert f" {said} " in ask(board, "list")
        assert f"Process {said} stopped\n" in ask(board, f"stop {said}")
        assert bytes(board.raw)[begin:].translate(None, b"\r\n").isascii()
        assert name not in bytes(board.raw)[begin:]


def test_it_is_switched_off_and_on_and_one_command_leads_to_the_prompt_and_back(board) -> None:
    ask(board, "console()")
    board.send(b"console-stop\r")
    board.expect("Disabling the process console.\r\nRun console-start to reactivate.\r\n", timeout=20)
    board.send(b"list\rhelp\r")
    assert "PID" not in ask(board, "console-start")
    assert LIST.strip() in ask(board, "list")
    ask(board, "shell", ">>> ")
    board.send(b"6 * 7\r")
    board.expect("42\r\n>>> ", timeout=20)
    ask(board, "console()")
    board.send(b"lis\x7f\x7f\x7flist\r")  # it can be edited
    board.expect("PID", timeout=20)
    board.send(b"\x1b[A\r")  # the last one again
    board.expect("PID", timeout=20)
