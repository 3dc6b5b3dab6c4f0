"""Apps that want the console's line for themselves, and tools that get in all the same, beside an app that prints.

For each trick a permission for the console, or for the kernel's debug output, is enough; those of GREEDY need a right
of their own. Bounds are bytes of the line and the board's own order, not the host's time: a tool has its own patience.
"""

import os
import re
import select
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

from serial_port import Port

ORDINARY = ["alarm", "console", "low_level_debug"]

HEAD = """
import syscall, time
def ask(driver, number, first=0, second=0):
    try:
        return syscall.command(driver, number, first, second)
    except syscall.SyscallError:
        return None
buffer = bytearray(64)
syscall.allow_rw(1, 1, buffer)
"""

WRITE = """
def write(data):
    syscall.allow_ro(1, 1, data)
    if ask(1, 1, len(data)) is not None:
        syscall.yield_wait_for(1, 1)
"""

FORGED = (
    b"\xfc\x11\xfc\x40\x4a\x00\x00"
    + b"\xfc\x40\x40\x00\x1c"
    + bytes((3, 0, 0, 0)) * 7
    + b"raw REPL; CTRL-B to exit\r\n>OK"
)

TRICKS = {
    "never ends a line": WRITE + "while True: write(b'x' * 64)",
    "writes much at once": WRITE + "data = b'y' * 8000\nwhile True: write(data)",
    "claims by the wrong right": "while True:\n    for how in (3, 2, 1): ask(1, 63, how, 9999), ask(1, 64, how, 9999)",
    "reads and aborts": "while True:\n    ask(1, 62, 1); ask(1, 3)",
    "reads much and takes no end": "while True:\n    if ask(1, 2, 64) is not None: syscall.yield_wait_for(1, 2)",
    "reads a byte of a line and sleeps": (
        "while True:\n    if ask(1, 62, 1) is not None: syscall.yield_wait_for(1, 2)\n    time.sleep(3600)"
    ),
    "has the kernel print": "while True: ask(8, 2, 0xBAD), ask(8, 3, 1, 2), ask(8, 1, 3)",
    "forges the board's answers": WRITE + f"while True: write({FORGED!r})",
    "dies in the middle of a line": WRITE + "write(b'dying')\nask(1, 62, 1)\nraise SystemExit",
}
"""What each does, for ever, from its first instruction on and at each boot."""

GREEDY = {
    "claims for any bytes": "ask(1, 64, 3, 65535)\nwhile True: time.sleep(1)",
    "claims over and over, and writes": WRITE + "while True:\n    ask(1, 64, 3, 65535)\n    write(b'.')",
    "claims, reads and lets go": "while True:\n    for how in (3, 0, 2): ask(1, 64, how, 99), ask(1, 62, 1), ask(1, 3)",
}
"""The same with the right to be in the foreground, as an app has that lists no permissions."""

HONEST = "import time\nn = 0\nwhile True:\n    n += 1\n    print('honest', n, 'speaks')\n    time.sleep_ms(200)"

AT_ONCE = 1024
"""Bytes that come to a port before anybody looks."""

LINE_EVERY = 24_000
"""Bytes between two lines of the honest app: turns of all others, and what the kernel says of those who die."""

TOCKLOADER = """
import sys
import serial.tools.list_ports as ports
from serial.tools.list_ports_common import ListPortInfo
port = sys.argv[1]
ports.comports = lambda include_links=False: [ListPortInfo(port)]
sys.argv = ["tockloader", "list", "--port", port, "--serial"]
from tockloader.main import main
main()
"""


class Cable(Port):
    """As a line of some speed has it: a flood is not yet in the port by the megabyte when a tool opens it."""

    def _show(self) -> None:
        while not self.ended:
            data = bytes(self.board.raw[self.seen :])
            self.seen += len(data)
            if data:
                os.write(self.master, data[-AT_ONCE:])
            else:
                select.select([], [], [], 0.005)  # a thread's turn; it judges nothing


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, (command[-4:], done.stdout[-500:], done.stderr[-500:])
    return done.stdout


ADDER = (sys.executable, "-m", "adder")

TOOLS = {
    "adder": (lambda port: run(*ADDER, "apps", "--port", port), "honest"),
    "tockloader": (lambda port: run(sys.executable, "-c", TOCKLOADER, port), "honest"),
    "mpremote": (
        lambda port: run(sys.executable, "-m", "mpremote", "connect", port, "exec", "print(6 * 7, 'is', 'it')"),
        "42 is it",
    ),
}
"""What a host does, and what it is answered."""


def evil(python_app, name: str, text: str, permissions: "list[str] | None" = None) -> Path:
    made: Path = python_app(HEAD + text, name=name, ram=12288, **({"permissions": permissions} if permissions else {}))
    return made


def on_port(board, folder: Path, ask: Callable[..., str]) -> str:
    """What it answers, on a port of its own."""
    link = folder / f"tty{len(list(folder.glob('tty*')))}"
    port = Cable(board, link)
    try:
        return ask(str(link))
    finally:
        port.close()


def answered(board, folder: Path, tool: str) -> None:
    """The tool gets its answer, and the honest app goes on."""
    ask, answer = TOOLS[tool]
    assert answer in on_port(board, folder, ask), tool
    board.expect(r"honest \d+ speaks", timeout=60)


def bytes_between_lines(board) -> list[int]:
    """Of the honest app, from one to the next."""
    places = [(found.start(), int(found[1])) for found in re.finditer(rb"honest (\d+) speaks\r\n", bytes(board.raw))]
    return [there - here for (here, one), (there, other) in pairwise(places) if other == one + 1]


def test_whatever_apps_do_tools_get_in_and_others_are_heard(simulation, python_app, tmp_path, long) -> None:
    """All of them at once; and each alone, if there is time."""
    for names in ([*TRICKS], *([[name] for name in TRICKS] if long else [])):
        honest = python_app(HONEST, name="honest", ram=8192, permissions=["alarm", "console"])
        apps = [evil(python_app, f"evil-{n}", TRICKS[name], ORDINARY) for n, name in enumerate(names)]
        with simulation(*apps[:5], honest, "repl-py", *apps[5:], clock="wall") as board:
            board.expect(r"honest \d+ speaks", timeout=120)
            for tool in TOOLS:
                answered(board, tmp_path, tool)
            board.reset()
            answered(board, tmp_path, "adder")
            while len(bytes_between_lines(board)) <= 20:
                board.expect(r"honest \d+ speaks", timeout=60)
            between = bytes_between_lines(board)
            assert len(between) > 20, names
            assert max(between) < LINE_EVERY, names
            assert "failed in" not in board.transcript
            assert "panic" not in board.transcript


def test_who_may_be_in_the_foreground_keeps_nobody_from_the_board(simulation, python_app, tmp_path, long) -> None:
    """Whoever is at the cable gets in and removes it; then the prompt has what is typed."""
    honest = python_app(HONEST, name="honest", ram=8192)
    for names in ([*GREEDY], *([[name] for name in GREEDY] if long else [])):
        apps = [evil(python_app, f"evil-{n}", GREEDY[name]) for n, name in enumerate(names)]
        with simulation(*apps, honest, "repl-py", clock="wall") as board:
            board.expect("app repl-py", timeout=120)
            if long:
                on_port(board, tmp_path, TOOLS["tockloader"][0])
            on_port(board, tmp_path, partial(run, *ADDER, "remove", *[app.stem for app in apps], "--port"))
            board.reset()
            answered(board, tmp_path, "mpremote")
