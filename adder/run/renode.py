"""The nRF52840's kernel in Renode: the verb `adder renode`.

QEMU runs Adder on a board of its own; Renode simulates the chip that the boards have, so the chip's drivers run
there. The platform is in renode/: `nrf52840.repl` and `nrf52840.cs` describe the chip, `adder.resc` boots a kernel,
`tests/` holds tests for Robot Framework.

Renode itself is not part of the build. It is looked for in the folder RENODE_DIR, as `renode` and `renode-test` in
PATH, and as `renode-run`, which downloads it.
"""

import fcntl
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click

from adder.apps.app_files import read_candidates, without_doubles
from adder.board import ROOT, Board, load_board
from adder.errors import AdderError
from adder.files import write_bytes
from adder.image.flash_image import ERASED, check_image_file, check_startable, choose, place, render
from adder.output import tell
from adder.run.terminal import Keyboard, Watch, check_shown, console_options, end_on_signals, raw_terminal

HOW_TO_GET_IT = (
    "Renode is not installed: unpack a portable release (1.15.3 or later) from "
    "https://github.com/renode/renode/releases and set RENODE_DIR to its folder."
)

FOLDER = ROOT / "renode"

SUBCOMMANDS = {"renode": "exec", "renode-test": "test"}
"""How `renode-run` calls the programs."""

SECONDS_TO_START = 120


def find_renode(program: str = "renode") -> list[str]:
    """The command that begins a call of `renode` or `renode-test`."""
    folder = os.environ.get("RENODE_DIR")
    if folder:
        path = Path(folder) / program
        if not os.access(path, os.X_OK):
            raise AdderError(f"RENODE_DIR is {folder}, but there is no {program} in it.")
        return [str(path)]
    if found := shutil.which(program):
        return [found]
    if found := shutil.which("renode-run"):
        return [found, SUBCOMMANDS[program], "--"]
    raise AdderError(HOW_TO_GET_IT)


def flash_contents(tbfs: Sequence[Path], board: Board, storage: bytes = b"") -> bytes:
    """What lies in the chip's flash after the kernel: apps, then storage."""
    apps = without_doubles(choose([read_candidates(path) for path in tbfs], board))
    data = render(place([], apps, board.app_flash), board.app_flash)
    check_startable(data, apps, board)
    gap = board.storage.start - board.app_flash.end
    return data + bytes([ERASED]) * gap + storage.ljust(board.storage.size, bytes([ERASED]))


def _script_path(path: Path) -> str:
    """A file name as Renode's monitor wants it."""
    return "@" + str(path.resolve()).replace(" ", "\\ ")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RenodeRun:
    """A board in Renode whose console is a socket, and whose monitor reads our commands."""

    def __init__(self, kernel: Path, image: Path, *, fast: bool) -> None:
        board = load_board("nrf52840")
        if not kernel.is_file():
            raise AdderError(f"{kernel} does not exist; `make kernel BOARD=nrf52840` builds it.")
        if not image.is_file():
            raise AdderError(f"{image} does not exist; `adder renode image` makes it.")
        self._image = image
        self._saved = f'sysbus.nvmc Save "{image.resolve()}" {board.app_flash.start:#x} {board.storage.end:#x}'
        self._port = _free_port()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed in `__exit__`)
        commands = [
            f"$kernel={_script_path(kernel)}",
            f"$image={_script_path(image)}",
            f"include {_script_path(FOLDER / 'adder.resc')}",
            f"emulation SetGlobalAdvanceImmediately {str(fast).lower()}",
            f'emulation CreateServerSocketTerminal {self._port} "console" false',
            "connector Connect sysbus.uart0 console",
        ]
        options = ["--disable-gui", "--console", "--plain", "--hide-log", "-e", "; ".join(commands)]
        self._process = subprocess.Popen(
            [*find_renode(), *options],
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,  # a Ctrl-C in the terminal is for us alone
        )

    def connect(self) -> socket.socket:
        """The board's console; the board starts as soon as somebody listens."""
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                console = socket.create_connection(("127.0.0.1", self._port))
            except OSError:
                time.sleep(0.1)
                continue
            self._command("start")
            return console
        raise AdderError(f"Renode did not start:\n{self._output()}")

    def _command(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def _output(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-4000:]

    def save(self) -> None:
        """Write the flash back to the image, with what the apps stored."""
        self._command("pause")
        self._command(self._saved)

    def __enter__(self) -> "RenodeRun":
        return self

    def __exit__(self, *error: object) -> None:
        try:
            if self._process.poll() is None:
                self._command("quit")
                self._process.wait(20)
        except (OSError, subprocess.TimeoutExpired):
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._log.close()


def _show(console: socket.socket, seconds: float | None, until: str | None) -> bool:
    """Connect the terminal to the board; returns whether `until` was seen."""
    interactive = sys.stdin.isatty()
    keyboard = Keyboard(interactive)
    watch = Watch(until)
    deadline = None if seconds is None else time.monotonic() + seconds
    sources = [console.fileno(), sys.stdin.fileno()]
    seen = b""
    with raw_terminal(interactive):
        while not keyboard.quit and (deadline is None or time.monotonic() < deadline):
            ready, _, _ = select.select(sources, [], [], 0.05)
            if sys.stdin.fileno() in ready:
                data = os.read(sys.stdin.fileno(), 4096)
                if data:
                    console.sendall(keyboard.filter(data))
                else:
                    sources.remove(sys.stdin.fileno())
            if console.fileno() in ready:
                data = console.recv(4096)
                if not data:
                    raise AdderError("Renode has ended.")
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
                seen += data
                if watch.sees(seen):
                    return True
    return False


@click.group()
def renode() -> None:
    """Run the nRF52840's kernel in Renode, or test it there."""


_BOARD = "nrf52840"


def _default(name: str) -> Path:
    return load_board(_BOARD).build / name


@renode.command("run")
@click.option(
    "--kernel", type=click.Path(dir_okay=False, path_type=Path),
    help="The kernel's ELF file.  [default: build/nrf52840/kernel.elf]",
)  # fmt: skip
@click.option(
    "--image", type=click.Path(dir_okay=False, path_type=Path),
    help="What `adder renode image` made.  [default: build/nrf52840/renode.bin]",
)  # fmt: skip
@console_options("the host's")
@click.option("--fast", is_flag=True, help="Skip idle time: time is not the host's.")
def run_command(kernel: Path | None, image: Path | None, seconds: float | None, until: str | None, fast: bool) -> None:
    """Boot a kernel, with its console in this terminal.

    Ctrl-C or Ctrl-A X ends it. What the apps stored is written back to the image.
    """
    end_on_signals()
    made = RenodeRun(kernel or _default("kernel.elf"), image or _default("renode.bin"), fast=fast)
    with made as run, run.connect() as console:
        if sys.stdin.isatty():
            tell("Nordic nRF52840 in Renode; Ctrl-A X ends it.", error=True)
        seen = _show(console, seconds, until)
        tell("")
        run.save()
    check_shown(seen, seconds, until)


@renode.command("image", short_help="Put exactly these apps into a flash image.")
@click.argument("img", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("tbfs", metavar="TBF...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--erase", is_flag=True, help="Erase the storage, too.")
def image_command(img: Path, tbfs: tuple[Path, ...], erase: bool) -> None:
    """Put exactly these apps into the flash IMG, keeping what apps stored there."""
    board = load_board(_BOARD)
    if img.suffix in (".tbf", ".tab", ".elf"):
        raise AdderError(f"{img} is not a flash image: the image comes first, then the apps.")
    if img.exists():
        check_image_file(img, board)
    kept = b"" if erase or not img.exists() else img.read_bytes()[board.storage.start - board.app_flash.start :]
    img.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(img, flash_contents(tbfs, board, kept[: board.storage.size]))


@renode.command("test", short_help="Run the tests in renode/tests.", context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1)
@click.option("--results", type=click.Path(path_type=Path), default=ROOT / "build" / "renode", help="Logs go here.")
def test_command(options: tuple[str, ...], results: Path) -> None:
    """Run renode/tests with renode-test; OPTIONS are for it, robot files instead of all included."""
    command = find_renode("renode-test")
    results = results.resolve()
    results.mkdir(parents=True, exist_ok=True)
    files = [] if any(option.endswith(".robot") for option in options) else sorted(FOLDER.glob("tests/*.robot"))
    variables = [f"PYTHON:{sys.executable}", f"FOLDER:{results}"]
    options = tuple(part for variable in variables for part in ("--variable", variable)) + options
    with (results / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AdderError(
                f"Renode's tests run already, and write to {results}; --results names another folder for these."
            ) from None
        code = subprocess.run([*command, "-r", str(results), *options, *map(str, files)], check=False).returncode
    if code:
        raise AdderError(f"Renode's tests failed; {results} has their logs.")
