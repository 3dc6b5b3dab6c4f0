"""The kernel in QEMU: a `Simulation` that programs can drive, and the verb `adder simulate`.

A simulation is one QEMU process. The kernel's console UART arrives through a socket and is kept
whole in `transcript`; QEMU's monitor protocol (QMP) arrives through another. Sockets come in
connected pairs, so there are no names to clash and any number of simulations run side by side.

Time, chosen by `clock`:
- "wall": the board's time is the host's; right for people.
- "counted": each instruction takes `2**shift` ns, idle time passes as on the wall.
- "fast": as "counted", and idle time is skipped. A run depends on nothing but its input, and an
  app that sleeps for an hour wakes at once; right for tests.
"""

import atexit
import contextlib
import fcntl
import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import click

from adder.board import load_board
from adder.errors import AdderError
from adder.flash_image import FlashImage, lock_image
from adder.simulated import PRESSED, buttons_of, pins_of, power_on
from adder.terminal import Keyboard, check_shown, console_options, end_on_signals, raw_terminal

Clock = Literal["wall", "counted", "fast"]

OLDEST_QEMU = (7, 0)

# One instruction takes 2**5 = 32 ns: as near to one per cycle of the 25 MHz clock (40 ns) as
# QEMU's powers of two come.
DEFAULT_SHIFT = 5

# Kills QEMU (its process id is the argument) as soon as this process is gone for any reason.
WATCHDOG = 'read -r _; kill -9 "$1" 2>/dev/null'


FIXED_SEED = bytes(range(1, 17))
"""For runs that depend on nothing but their input."""


class SimulationError(AdderError):
    """QEMU ended or did not answer."""


class ExpectTimeout(SimulationError):
    """The console did not show what was expected in time."""


def find_qemu() -> tuple[str, tuple[int, int]]:
    """The path and version of qemu-system-arm."""
    program = os.environ.get("QEMU", "qemu-system-arm")
    path = shutil.which(program)
    if path is None:
        raise AdderError(f"{program} is not installed; install the package qemu-system-arm (Debian, Ubuntu).")
    output = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"version (\d+)\.(\d+)", output)
    if match is None:
        raise AdderError(f"{path} does not tell its version; is it QEMU?")
    version = (int(match[1]), int(match[2]))
    if version < OLDEST_QEMU:
        raise AdderError(
            f"{path} is QEMU {version[0]}.{version[1]}; Adder needs {OLDEST_QEMU[0]}.{OLDEST_QEMU[1]} or newer."
        )
    return path, version


def one_instruction_per_block(version: tuple[int, int]) -> list[str]:
    """The options that make QEMU translate each instruction by itself."""
    # QEMU 8.1 renamed the option; later versions have the new name only.
    return ["-accel", "tcg,one-insn-per-tb=on"] if version >= (8, 1) else ["-singlestep"]


class Simulation:
    """A board in QEMU. Use it in a `with` statement, or call `start` and `kill`.

    `kernel` is the kernel's ELF file, `image` the flash image (made if it does not exist),
    `options` are further QEMU options, `inherit` open files that these name as `/dev/fd/N`.
    After `kill` or `quit`, `start` boots the board again on what the flash then holds.
    `seed` is 16 bytes for the board's source of what looks random; without it, they are the host's, or,
    with the clock "fast", always the same ones.
    """

    def __init__(
        self,
        kernel: Path,
        image: Path,
        *,
        clock: Clock = "fast",
        shift: int = DEFAULT_SHIFT,
        paused: bool = False,
        options: Sequence[str] = (),
        inherit: Sequence[int] = (),
        seed: bytes | None = None,
    ) -> None:
        self.seed = seed
        self.kernel = Path(kernel)
        self.image = Path(image)
        self.clock = clock
        self.shift = shift
        self.paused = paused
        self.options = list(options)
        self.inherit = tuple(inherit)
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._uart: socket.socket | None = None
        self._qmp: socket.socket | None = None
        self._qmp_buffer = b""
        self._qmp_lock = threading.Lock()
        self._errors: Any = None
        self._reader: threading.Thread | None = None
        self._feeder: threading.Thread | None = None
        self._typed = threading.Event()
        self._closing = False
        self._arrived = threading.Condition()
        self._received = bytearray()
        self._ended = False
        self._position = 0

    # Starting and ending

    def command_line(self) -> list[str]:
        """The QEMU command, without the parts that connect it to this process."""
        program, _ = find_qemu()
        size = "16M"
        line = [
            program,
            "-M", "mps2-an386,memory-backend=psram",
            "-object",
            f"memory-backend-file,id=psram,size={size},mem-path={_escape(self.image)},share=on",
            "-kernel", str(self.kernel),
            "-display", "none",
            "-monitor", "none",
            "-nic", "none",
        ]  # fmt: skip
        if self.clock != "wall":
            sleep = "off" if self.clock == "fast" else "on"
            line += ["-icount", f"shift={self.shift},sleep={sleep}"]
        if self.paused:
            line.append("-S")
        return line + self.options

    def start(self) -> None:
        """Power on. The transcript of an earlier run is dropped."""
        if self.running:
            raise SimulationError("The simulation is running already.")
        if not self.kernel.is_file():
            raise AdderError(f"{self.kernel} does not exist; `make` builds the kernel.")
        line = self.command_line()
        FlashImage(self.image).create()
        power_on(self.image, self.seed or (FIXED_SEED if self.clock == "fast" else os.urandom(16)))
        self._received.clear()
        self._position = 0
        self._ended = False
        self._qmp_buffer = b""
        try:
            self._launch(line)
            self._qmp_receive()  # the greeting
            self.qmp("qmp_capabilities")
        except BaseException:
            self.kill()
            raise

    def _launch(self, line: list[str]) -> None:
        self._uart, uart = socket.socketpair()
        self._qmp, qmp = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (open until `_release`)
        with uart, qmp, self.image.open("rb") as locked:
            # QEMU inherits the lock and so holds it exactly as long as it runs.
            lock_image(locked.fileno(), self.image)
            inherited = (uart.fileno(), qmp.fileno(), locked.fileno(), *self.inherit)
            self._process = subprocess.Popen(
                [
                    *line,
                    "-chardev", f"socket,id=uart,fd={uart.fileno()}",
                    "-serial", "chardev:uart",
                    "-chardev", f"socket,id=qmp,fd={qmp.fileno()}",
                    "-mon", "chardev=qmp,mode=control",
                ],
                stdin=subprocess.DEVNULL,
                stdout=self._errors,
                stderr=self._errors,
                pass_fds=inherited,
                # A Ctrl-C in the terminal is for us alone.
                start_new_session=True,
            )  # fmt: skip
        self._watchdog = subprocess.Popen(
            ["sh", "-c", WATCHDOG, "sh", str(self._process.pid)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        atexit.register(self.kill)
        self._reader = threading.Thread(target=self._read, args=(self._uart,), daemon=True)
        self._reader.start()
        self._closing = False
        self._typed.clear()
        self._feeder = threading.Thread(target=self._feed, args=(self._uart,), daemon=True)
        self._feeder.start()

    def kill(self) -> None:
        """Cut the power: end QEMU at once, whatever it is doing."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
        self._release()

    def quit(self) -> None:
        """End QEMU in an orderly way."""
        if self.running:
            with contextlib.suppress(SimulationError):
                self.qmp("quit")
            self.wait(10)
        self._release()

    def wait(self, timeout: float | None = None) -> int:
        """Wait until QEMU has ended by itself; returns its exit code."""
        if self._process is None:
            raise SimulationError("The simulation has not been started.")
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise SimulationError(f"QEMU did not end within {timeout} s.") from None

    @property
    def running(self) -> bool:
        """Whether the QEMU process exists."""
        return self._process is not None and self._process.poll() is None

    def _release(self) -> None:
        """Let go of everything that belongs to an ended QEMU."""
        # The watchdog goes before QEMU's process id can be given to another process.
        if self._watchdog is not None:
            self._watchdog.kill()
            self._watchdog.wait()
            assert self._watchdog.stdin is not None
            self._watchdog.stdin.close()
            self._watchdog = None
        if self._process is not None:
            self._process.wait()
        if self._reader is not None:
            self._reader.join()
            self._reader = None
        if self._feeder is not None:
            self._closing = True
            self._typed.set()
            self._feeder.join()
            self._feeder = None
        for end in (self._uart, self._qmp, self._errors):
            if end is not None:
                end.close()
        self._uart = self._qmp = self._errors = None
        atexit.unregister(self.kill)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    # The console

    def _read(self, uart: socket.socket) -> None:
        while True:
            try:
                data = uart.recv(65536)
            except OSError:
                data = b""
            with self._arrived:
                self._received += data
                self._ended = not data
                self._arrived.notify_all()
            if not data:
                return

    @property
    def transcript(self) -> str:
        """All that the console has shown since the start."""
        with self._arrived:
            return self._received.decode("utf-8", "replace")

    @property
    def raw(self) -> bytes:
        """The bytes behind `transcript`."""
        with self._arrived:
            return bytes(self._received)

    def expect(self, pattern: str | bytes, timeout: float = 10.0) -> re.Match[bytes]:
        """Wait until the regular expression `pattern` appears after the last match.

        `timeout` is in seconds of the wall clock. `^` and `$` match at lines.
        """
        if isinstance(pattern, str):
            pattern = pattern.encode()
        compiled = re.compile(pattern, re.MULTILINE)
        deadline = time.monotonic() + timeout
        with self._arrived:
            while True:
                text = bytes(self._received)
                match = compiled.search(text, self._position)
                if match is not None and match.end() == len(text) and not self._ended:
                    # More of the line may be under way.
                    if pattern.endswith(b"$") and not text.endswith(b"\n"):
                        match = None
                    elif self._arrived.wait(0.05):
                        continue
                if match is not None:
                    self._position = match.end()
                    return match
                left = deadline - time.monotonic()
                if self._ended:
                    problem: type[SimulationError] = SimulationError
                    why = "QEMU ended before the console showed"
                elif left <= 0:
                    problem, why = ExpectTimeout, f"Within {timeout} s the console did not show"
                else:
                    self._arrived.wait(left)
                    continue
                tail = text[-3000:].decode("utf-8", "replace")
                raise problem(f"{why} {pattern!r}; it shows:\n{tail}{self._complaint()}")

    def send(self, text: str | bytes) -> None:
        """Type `text` into the console."""
        if self._uart is None:
            raise SimulationError("The simulation is not running.")
        try:
            self._uart.sendall(text.encode() if isinstance(text, str) else text)
        except OSError as error:
            raise SimulationError(f"QEMU has ended.{self._complaint()}") from error
        self._typed.set()

    def _feed(self, uart: socket.socket) -> None:
        """Keep QEMU looking at the UART until it has taken all that was typed.

        QEMU asks whether the UART takes input only when something wakes its main loop, which
        nothing need do once the program has switched its receiver on; a question does.
        """
        while self._typed.wait() and not self._closing:
            self._typed.clear()
            with contextlib.suppress(OSError, SimulationError):
                while not self._closing and _unread(uart):
                    self.qmp("query-status")
                    time.sleep(0.01)

    def _wait_for_output(self, seen: int, timeout: float) -> tuple[bytes, bool]:
        """The bytes after the first `seen` ones, and whether QEMU has ended."""
        with self._arrived:
            if len(self._received) == seen and not self._ended:
                self._arrived.wait(timeout)
            return bytes(self._received[seen:]), self._ended

    def _complaint(self) -> str:
        """What QEMU wrote to its own output, if it did."""
        if self._errors is None:
            return ""
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").splitlines()
        text = " ".join(line for line in lines if "has no peer" not in line)  # the unused network
        return f" QEMU says: {text}" if text else ""

    # The monitor

    def qmp(self, command: str, **arguments: Any) -> Any:
        """Run a QMP command and return its result."""
        if self._qmp is None:
            raise SimulationError("The simulation is not running.")
        request: dict[str, Any] = {"execute": command}
        if arguments:
            request["arguments"] = arguments
        with self._qmp_lock:
            try:
                self._qmp.sendall(json.dumps(request).encode() + b"\n")
            except OSError as error:
                raise SimulationError(f"QEMU has ended.{self._complaint()}") from error
            while True:
                answer = self._qmp_receive()
                if "return" in answer:
                    return answer["return"]
                if "error" in answer:
                    raise SimulationError(f"QEMU refuses {command}: {answer['error']['desc']}.")

    def _qmp_receive(self) -> dict[str, Any]:
        """The next message; events arrive here as well as answers."""
        assert self._qmp is not None
        self._qmp.settimeout(60)
        while b"\n" not in self._qmp_buffer:
            try:
                data = self._qmp.recv(65536)
            except TimeoutError:
                raise SimulationError("QEMU's monitor does not answer.") from None
            except OSError:
                data = b""
            if not data:
                if self._process is not None:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self._process.wait(5)
                raise SimulationError(f"QEMU has ended.{self._complaint()}")
            self._qmp_buffer += data
        line, self._qmp_buffer = self._qmp_buffer.split(b"\n", 1)
        message: dict[str, Any] = json.loads(line)
        return message

    def monitor(self, line: str) -> str:
        """Run a command of QEMU's human monitor, such as `info registers`."""
        text: str = self.qmp("human-monitor-command", **{"command-line": line})
        return text

    def stop(self) -> None:
        """Freeze the board; its time stands still."""
        self.qmp("stop")

    def cont(self) -> None:
        """Let a frozen (or `paused`) board run on."""
        self.qmp("cont")

    def reset(self) -> None:
        """Press the reset button: RAM and flash keep their contents."""
        self.qmp("system_reset")

    def read_memory(self, address: int, size: int) -> bytes:
        """Bytes of RAM or flash, past the MPU and without disturbing the board."""
        with tempfile.NamedTemporaryFile() as file:
            self.qmp("pmemsave", val=address, size=size, filename=file.name)
            return file.read()

    def read_word(self, address: int) -> int:
        """The 32-bit word at `address`."""
        return int.from_bytes(self.read_memory(address, 4), "little")

    # Buttons and pins

    def press(self, button: int) -> None:
        """Push a button down; `release` lets go of it. The board looks 50 times a second of its own time."""
        buttons_of(self.image).drive(button, PRESSED)

    def release(self, button: int) -> None:
        """Let go of a button."""
        buttons_of(self.image).drive(button, None)

    def set_pin(self, number: int, level: int | None) -> None:
        """Hold a pin at a level from outside; None lets go of it."""
        pins_of(self.image).drive(number, level)

    def pin(self, number: int) -> int:
        """The level of a pin: what the board puts out, or else what is driven from outside, or else its pull."""
        return pins_of(self.image).level(number)


def _unread(end: socket.socket) -> int:
    """Bytes that were written to a socket and that the other side has not read."""
    answer = fcntl.ioctl(end, termios.TIOCOUTQ, bytes(4))
    return int.from_bytes(answer, sys.byteorder)


def _escape(path: Path) -> str:
    """A file name as QEMU's option lists want it."""
    return str(path).replace(",", ",,")


# The verb

HOLD_SECONDS = 0.2
"""How long a key presses a button."""


def _console(simulation: Simulation, seconds: float | None, until: str | None) -> bool:
    """Connect the terminal to the board; returns whether `until` was seen."""
    interactive = sys.stdin.isatty()
    keyboard = Keyboard(interactive)
    wanted = until.encode() if until else None
    deadline = None if seconds is None else time.monotonic() + seconds
    stdin: int | None = sys.stdin.fileno()
    shown = 0
    held: dict[int, float] = {}  # buttons, and when to let go of them
    with raw_terminal(interactive):
        while not keyboard.quit:
            for button in [button for button, end in held.items() if time.monotonic() >= end]:
                simulation.release(button)
                del held[button]
            pending, _, _ = select.select([stdin] if stdin is not None else [], [], [], 0)
            if pending and stdin is not None:
                data = os.read(stdin, 4096)
                if data:
                    simulation.send(keyboard.filter(data))
                    for button in keyboard.buttons:
                        simulation.press(button)
                        held[button] = time.monotonic() + HOLD_SECONDS
                    keyboard.buttons.clear()
                else:
                    stdin = None
            data, ended = simulation._wait_for_output(shown, 0.02)
            if data:
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
                shown += len(data)
                if wanted and wanted in simulation.raw:
                    return True
            elif ended:
                raise SimulationError(f"QEMU has ended.{simulation._complaint()}")
            if deadline is not None and time.monotonic() >= deadline:
                break
    return False


@click.command()
@click.option(
    "--kernel", type=click.Path(dir_okay=False, path_type=Path),
    help="The kernel's ELF file.  [default: build/qemu/kernel.elf]",
)  # fmt: skip
@click.option(
    "--image", type=click.Path(dir_okay=False, path_type=Path),
    help="The flash image.  [default: build/qemu/flash.img]",
)  # fmt: skip
@console_options
@click.option(
    "--clock", type=click.Choice(["wall", "counted", "fast"]), default="wall", show_default=True,
    help="wall: time is the host's. counted: an instruction takes 32 ns. "
    "fast: as counted, and idle time is skipped.",
)  # fmt: skip
def simulate(kernel: Path | None, image: Path | None, seconds: float | None, until: str | None, clock: Clock) -> None:
    """Run the kernel in QEMU with the board's console in this terminal.

    Ctrl-C or Ctrl-A X ends it. Ctrl-A before another control key sends that key to the board
    (Ctrl-A Ctrl-C sends Ctrl-C); Ctrl-A 0 to 3 presses a button. The apps and what they store stay in the flash image.
    """
    board = load_board("qemu")
    kernel = kernel or board.build / "kernel.elf"
    image = image or board.build / "flash.img"
    end_on_signals()
    with Simulation(kernel, image, clock=clock) as simulation:
        if sys.stdin.isatty():
            print(f"{board.title}; Ctrl-A X ends it.", file=sys.stderr)
        seen = _console(simulation, seconds, until)
        if simulation.raw and not simulation.raw.endswith(b"\n"):
            print(flush=True)
    check_shown(seen, seconds, until)
