"""The kernel in QEMU: a `Simulation` that programs can drive, and the verb `adder simulate`.

A simulation is one QEMU process. What the kernel's console UART says goes into a file, which never keeps
QEMU waiting, and is kept whole in `transcript`; what is typed comes through a pipe. QEMU's monitor
protocol (QMP) and its gdb stub have sockets. Nothing has a name that could clash, so any number of
simulations run side by side.

Time, chosen by `clock`:
- "wall": the board's time is the host's; right for people.
- "counted": each instruction takes `2**shift` ns, idle time passes as on the wall.
- "fast": as "counted", and idle time is skipped: an app that sleeps for an hour wakes at once. The board runs
  only while `expect`, `run` or `run_until` waits for it, and its limits are in its own time; a character takes
  the time that it takes on a line of 115,200 baud. So a run depends on nothing but its input; right for tests.
  With `free` it runs on by itself, for those who only measure it.
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
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import click

from adder.board import load_board
from adder.errors import AdderError
from adder.image.flash_image import FlashImage, lock_image
from adder.image.kernel_file import check_kernel
from adder.output import tell
from adder.run.lockstep import HZ, TICK, TYPING, Lockstep, StubError
from adder.run.simulated import PINS, PRESSED, buttons_of, pins_of, power_on, pulses_of, set_quantity
from adder.run.terminal import (
    Keyboard,
    Status,
    Watch,
    at_terminal,
    check_shown,
    console_options,
    end_on_signals,
    from_port,
    own_port,
    raw_terminal,
)

Clock = Literal["wall", "counted", "fast"]
Answer = TypeVar("Answer")

OLDEST_QEMU = (7, 0)

MACHINE = "mps2-an386"
"""The one that is simulated here; what else a manifest names, is not."""

# One instruction takes 2**5 = 32 ns: as near to one per cycle of the 25 MHz clock (40 ns) as
# QEMU's powers of two come.
DEFAULT_SHIFT = 5

# Kills QEMU (its process id is the argument) as soon as this process is gone for any reason.
WATCHDOG = 'read -r _; kill -9 "$1" 2>/dev/null'


FIXED_SEED = bytes(range(1, 17))
"""For runs that depend on nothing but their input."""


ATTACHED = ("tmp105,id=tmp105,address=0x48", "ds1338,address=0x68")
"""What is on the board's I2C bus: QEMU's options for devices."""

FIXED_DATE = "2026-01-01T00:00:00"
"""What the clock with the date says when such a run begins."""


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
    `options` are further QEMU options, `devices` what QEMU attaches to the board (as "tmp421,address=0x4c"),
    `inherit` open files that these name as `/dev/fd/N`.
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
        devices: Sequence[str] = (),
        inherit: Sequence[int] = (),
        seed: bytes | None = None,
        free: bool = False,
    ) -> None:
        self.seed = seed
        self.kernel = Path(kernel)
        self.image = Path(image)
        self.clock = clock
        self.shift = shift
        self.paused = paused
        self.options = list(options)
        self.devices = list(devices)
        self.inherit = tuple(inherit)
        self.free = free
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._output: int | None = None
        self._input: int | None = None
        self._qmp: socket.socket | None = None
        self._stub: socket.socket | None = None
        self._board: Lockstep | None = None
        self._held = False
        self._to_type = bytearray()
        self._typed_at = 0
        self._qmp_buffer = b""
        self._qmp_lock = threading.Lock()
        self._errors: Any = None
        self._feeder: threading.Thread | None = None
        self._typed = threading.Event()
        self._closing = False
        self._received = bytearray()
        self._position = 0

    @property
    def _driven(self) -> bool:
        return self.clock == "fast" and not self.free

    # Starting and ending

    def command_line(self) -> list[str]:
        """The QEMU command, without the parts that connect it to this process."""
        program, _ = find_qemu()
        size = "16M"
        line = [
            program,
            "-M", f"{MACHINE},memory-backend=psram",
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
        for device in (*ATTACHED, *self.devices):
            line += ["-device", device]
        line += ["-rtc", f"base={FIXED_DATE},clock=vm" if self.clock == "fast" else "base=utc"]
        if self.paused or self._driven:
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
        self._to_type.clear()
        self._typed_at = self._position = 0
        self._qmp_buffer = b""
        self._held = self.paused
        try:
            self._launch(line)
            self.qmp("qmp_capabilities")
            if (stub := self._stub) is not None:
                self._board = self._ask_board(lambda: Lockstep(stub, self.kernel))
        except BaseException:
            self.kill()
            raise

    def _launch(self, line: list[str]) -> None:
        self._qmp, qmp = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (open until `_release`)
        with contextlib.ExitStack() as ours:
            # A folder for as long as QEMU needs to open what is in it.
            folder = Path(ours.enter_context(tempfile.TemporaryDirectory(prefix="adder-")))
            uart = folder / "uart"
            os.mkfifo(f"{uart}.in")
            self._input = os.open(f"{uart}.in", os.O_RDWR | os.O_CLOEXEC)
            self._output = os.open(f"{uart}.out", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
            locked = ours.enter_context(self.image.open("rb"))
            # QEMU inherits the lock and so holds it exactly as long as it runs.
            lock_image(locked.fileno(), self.image)
            line += [
                "-chardev", f"pipe,id=uart,path={_escape(uart)}",
                "-serial", "chardev:uart",
                "-chardev", f"socket,id=qmp,fd={qmp.fileno()}",
                "-mon", "chardev=qmp,mode=control",
            ]  # fmt: skip
            ours.enter_context(qmp)
            inherited = [qmp.fileno(), locked.fileno(), *self.inherit]
            if self._driven:
                self._stub, stub = socket.socketpair()
                ours.enter_context(stub)
                inherited.append(stub.fileno())
                line += ["-chardev", f"socket,id=gdb,fd={stub.fileno()}", "-gdb", "chardev:gdb"]
            self._process = subprocess.Popen(
                line,
                stdin=subprocess.DEVNULL,
                stdout=self._errors,
                stderr=self._errors,
                pass_fds=inherited,
                # A Ctrl-C in the terminal is for us alone.
                start_new_session=True,
            )
            self._watchdog = subprocess.Popen(
                ["sh", "-c", WATCHDOG, "sh", str(self._process.pid)],
                stdin=subprocess.PIPE,
                start_new_session=True,
            )
            atexit.register(self.kill)
            qmp.close()
            self._qmp_receive()  # the greeting: all has been opened
        self._closing = False
        self._typed.clear()
        if not self._driven:
            self._feeder = threading.Thread(target=self._feed, args=(self._input,), daemon=True)
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
        if self._output is not None:
            self._collect()
        if self._feeder is not None:
            self._closing = True
            self._typed.set()
            self._feeder.join()
            self._feeder = None
        for end in (self._qmp, self._stub, self._errors):
            if end is not None:
                end.close()
        for file in (self._input, self._output):
            if file is not None:
                os.close(file)
        self._qmp = self._stub = self._errors = self._input = self._output = self._board = None
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

    def _collect(self) -> bytearray:
        """All that the console has shown, with what has come since the last time."""
        if self._output is not None:
            while data := os.pread(self._output, 1 << 20, len(self._received)):
                self._received += data
        return self._received

    @property
    def transcript(self) -> str:
        """All that the console has shown since the start."""
        return self._collect().decode("utf-8", "replace")

    @property
    def raw(self) -> bytes:
        """The bytes behind `transcript`."""
        return bytes(self._collect())

    def expect(self, pattern: str | bytes, timeout: float = 10.0) -> re.Match[bytes]:
        """Wait until the regular expression `pattern` appears after the last match. `^` and `$` match at lines.

        `timeout` is in seconds: with the clock "fast", of the board's time, otherwise of the host's.
        """
        if isinstance(pattern, str):
            pattern = pattern.encode()
        compiled = re.compile(pattern, re.MULTILINE)
        found: re.Match[bytes] | None = None
        length, since = -1, 0.0

        def shown() -> bool:
            nonlocal found, length, since
            text = self._collect()
            if len(text) != length:
                length, since = len(text), self._moment()
                found = compiled.search(bytes(text), self._position)
                if found is not None and pattern.endswith(b"$") and found.end() == length and text[-1:] != b"\n":
                    found = None
            # More of the line may be under way.
            return found is not None and (found.end() < length or self._is_quiet(since))

        if not self.run_until(shown, timeout) and found is None:
            tail = self._received[-3000:].decode("utf-8", "replace")
            kind, why = (
                (ExpectTimeout, f"Within {timeout:g} s the console did not show")
                if self.running
                else (SimulationError, "QEMU ended before the console showed")
            )
            raise kind(f"{why} {pattern!r}; it shows:\n{tail}{self._complaint()}")
        assert found is not None
        self._position = found.end()
        return found

    def expect_all(self, *patterns: str, timeout: float = 20.0) -> None:
        """Wait until the console has shown all of these since the start, in whatever order."""

        def missing() -> list[str]:
            return [one for one in patterns if not re.search(one, self.transcript, re.MULTILINE)]

        if not self.run_until(lambda: not missing(), timeout):
            raise ExpectTimeout(
                f"Within {timeout:g} s the console did not show {missing()}; it shows:\n{self.transcript[-3000:]}"
            )

    def _moment(self) -> float:
        return self._board.cycles / HZ if self._board is not None else time.monotonic()

    def _is_quiet(self, since: float) -> bool:
        """Whether nothing more of a line is to be expected whose last character came at that moment."""
        if self._board is not None:
            return self._held or self._board.where == "sleep" or self._moment() > since + 0.01
        return time.monotonic() > since + 0.05 or not self.running

    # Time

    @property
    def time(self) -> float:
        """Seconds of the board's time since it was switched on."""
        if self._board is not None:
            return self._board.cycles / HZ
        hundredths, counter = (int(word, 16) for word in self.monitor("xp/2wx 0x40028014").split(":")[1].split())
        about = hundredths * (HZ // 100)
        return (about + (counter - about + 0x8000_0000) % 0x1_0000_0000 - 0x8000_0000) / HZ

    def run(self, seconds: float) -> None:
        """Let the board run for so long, in its own time."""
        self.run_until(lambda: False, seconds)

    def run_until(self, condition: Callable[[], bool], seconds: float | None) -> bool:
        """Let the board run until `condition()` holds, or for so long; says whether it holds.

        `seconds` are the board's with the clock "fast", otherwise the host's. None is for as long as there is something
        to do, with the clock "fast" alone.
        """
        if self._driven:
            end = None if seconds is None or self._board is None else self._board.cycles + round(seconds * HZ)
            while not condition():
                if not self._step(end):
                    return condition()
            return True
        assert seconds is not None
        deadline = time.monotonic() + seconds
        while True:
            last = not self.running or time.monotonic() >= deadline
            if condition():
                return True
            if last:
                return False
            time.sleep(0.002)

    def _step(self, end: int | None) -> bool:
        """Go on to the next stop of the board, but not beyond the `end`, in cycles; False if nothing is left to do."""
        board = self._board
        if board is None or self._held or not self.running or (end is not None and board.cycles >= end):
            return False
        try:
            return self._go_on(board, end)
        except StubError:
            self.wait(10)
            return False

    def _go_on(self, board: Lockstep, end: int | None) -> bool:
        waits = bool(self._to_type) and board.takes_input
        if waits and board.cycles >= self._typed_at + TYPING:
            self._type(board)
            board.step(tick=TYPING)
        elif board.where != "sleep":
            board.step(tick=TYPING if waits else TICK)
        elif waits:
            board.step(awake=True, tick=TYPING)
        else:
            alarm, left = board.until_alarm, end and end - board.cycles
            if left is not None and (alarm is None or alarm > left):
                board.step(awake=True, tick=max(left, 2))  # nothing happens until then
            elif alarm is None:
                return False
            elif alarm > TICK:
                board.step(awake=True, tick=alarm)  # then the alarm's interrupt is pending
            else:
                board.step()
        return True

    def _type(self, board: Lockstep) -> None:
        """Type the next character."""
        assert self._input is not None
        os.write(self._input, self._to_type[:1])
        del self._to_type[:1]
        self._typed_at = board.cycles
        while self.running and _unread(self._input):
            self.qmp("query-status")  # which has QEMU look at the pipe

    def _ask_board(self, question: Callable[[], Answer]) -> Answer:
        try:
            return question()
        except StubError as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                if self._process is not None:
                    self._process.wait(5)
            raise SimulationError(f"{error}{self._complaint()}") from None

    def send(self, text: str | bytes) -> None:
        """Type `text` into the console. With the clock "fast" it arrives while the board runs."""
        if self._input is None:
            raise SimulationError("The simulation is not running.")
        if not self.running:
            raise SimulationError(f"QEMU has ended.{self._complaint()}")
        data = text.encode() if isinstance(text, str) else text
        if self._driven:
            self._to_type += data
        else:
            os.write(self._input, data)
            self._typed.set()

    def _feed(self, pipe: int) -> None:
        """Keep QEMU looking at the UART until it has taken all that was typed.

        QEMU asks whether the UART takes input only when something wakes its main loop, which
        nothing need do once the program has switched its receiver on; a question does.
        """
        while self._typed.wait() and not self._closing:
            self._typed.clear()
            with contextlib.suppress(OSError, SimulationError):
                while not self._closing and _unread(pipe):
                    self.qmp("query-status")
                    time.sleep(0.01)

    def _complaint(self) -> str:
        """What QEMU wrote to its own output, if it did."""
        if self._errors is None:
            return ""
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").splitlines()
        usual = ("has no peer", "no active timers")  # the unused network; a board that waits for input alone
        text = " ".join(line for line in lines if not any(words in line for words in usual))
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
        self._held = True
        if not self._driven:
            self.qmp("stop")

    def cont(self) -> None:
        """Let a frozen (or `paused`) board run on."""
        self._held = False
        if not self._driven:
            self.qmp("cont")

    def reset(self) -> None:
        """Press the reset button: RAM and flash keep their contents."""
        self.qmp("system_reset")
        if self._board is not None:
            self._ask_board(self._board.was_reset)

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

    def wire(self, first: int, second: int | None) -> None:
        """Connect two pins; None takes the wire away."""
        pins_of(self.image).wire(first, second)

    def set_sensor(self, quantity: str, value: float | None) -> None:
        """What the sensor of a quantity measures; None is what it shows by itself."""
        set_quantity(self.image, quantity, value)

    def pulses(self, pin: int) -> tuple[int, int] | None:
        """Hz, and the duty in hundredths of a percent: pins 0 to 3 are PWM's, 4 the buzzer's, 5 the servo's."""
        return pulses_of(self.image, pin)

    def set_tmp105(self, degrees: float) -> None:
        """What the TMP105 on the board's I2C bus measures."""
        self.qmp("qom-set", path="/machine/peripheral/tmp105", property="temperature", value=round(1000 * degrees))

    def pin(self, number: int) -> int:
        """The level of a pin: what the board puts out, or else what is driven from outside, or else its pull."""
        return pins_of(self.image).level(number)


def _unread(pipe: int) -> int:
    """Bytes that were written to a pipe and that the other side has not read."""
    answer = fcntl.ioctl(pipe, termios.FIONREAD, bytes(4))
    return int.from_bytes(answer, sys.byteorder)


def _escape(path: Path) -> str:
    """A file name as QEMU's option lists want it."""
    return str(path).replace(",", ",,")


# The verb

HOLD_SECONDS = 0.2
"""How long a key presses a button."""

LEDS = 2  # AN386, table 3-7


def _console(simulation: Simulation, seconds: float | None, until: str | None) -> bool:
    """Connect the terminal to the board; returns whether `until` was seen."""
    interactive = at_terminal()
    keyboard = Keyboard(interactive)
    watch = Watch(until)
    stdin: int | None = sys.stdin.fileno()
    shown = 0
    status = Status(lambda: status_line(simulation), interactive and sys.stdout.isatty())
    held: dict[int, float] = {}  # buttons, and when to let go of them
    with raw_terminal(interactive):
        while not keyboard.quit:
            for button in [button for button, end in held.items() if time.monotonic() >= end]:
                simulation.release(button)
                del held[button]
            if sent := from_port():
                simulation.send(sent)
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
            ended = not simulation.running
            data = _output(simulation, shown, None if seconds is None else seconds - simulation.time)
            if data:
                status.write(data)
                shown += len(data)
                if watch.sees(simulation.raw):
                    return True
            elif ended:
                raise SimulationError(f"QEMU has ended.{simulation._complaint()}")
            elif seconds is not None and simulation.time >= seconds:
                break
            status.show()
        status.erase()
    return False


def status_line(simulation: Simulation) -> str:
    """The LEDs and those pins that the board uses: `LEDs ● ○   pins 0:1 out  2:0 in`."""
    leds = int(simulation.monitor("xp/1wx 0x40028000").split(":")[1], 16)
    dark, lit = "○●" if (sys.stdout.encoding or "").lower().startswith("utf") else "-*"
    lights = " ".join(lit if leds >> led & 1 else dark for led in range(LEDS))
    pins = pins_of(simulation.image)
    used = [(pin, pins.mode(pin)) for pin in range(PINS)]
    listed = [
        f"{pin}:{pins.level(pin)} {'out' if mode == 'output' else 'in'}" for pin, mode in used if mode != "unused"
    ]
    return f"LEDs {lights}" + (f"   pins {'  '.join(listed)}" if listed else "")


def _output(simulation: Simulation, seen: int, left: float | None) -> bytes:
    """The bytes after the first `seen` ones; waits a moment of the host's time for some, if so much is `left`."""
    deadline = time.monotonic() + 0.02

    def some() -> bool:
        return len(simulation.raw) > seen or time.monotonic() >= deadline

    if not simulation.run_until(some, left if simulation.clock == "fast" else 0.02) and left is None:
        time.sleep(0.01)  # the board waits for input alone
    return simulation.raw[seen:]


@click.command()
@click.option("--board", "name", default="qemu", show_default=True, help="The board, as in `make BOARD=`.")
@click.option(
    "--kernel", type=click.Path(dir_okay=False, path_type=Path),
    help="The kernel's ELF file.  [default: build/BOARD/kernel.elf]",
)  # fmt: skip
@click.option(
    "--image", type=click.Path(dir_okay=False, path_type=Path),
    help="The flash image.  [default: build/BOARD/flash.img]",
)  # fmt: skip
@console_options("the board's")
@click.option(
    "--clock", type=click.Choice(["wall", "counted", "fast"]), default="wall", show_default=True,
    help="wall: time is the host's. counted: an instruction takes a fixed time. "
    "fast: as counted, and idle time is skipped.",
)  # fmt: skip
@click.option(
    "--device", "devices", multiple=True, metavar="DEVICE",
    help="Attach a device of QEMU's to the board's I2C or SPI bus, such as tmp421,address=0x4c.",
)  # fmt: skip
@click.option("--pty", is_flag=True, help="Give the console a serial port of its own, for mpremote and the like.")
@click.argument("apps", metavar="[TBF]...", nargs=-1, type=click.Path(path_type=Path))
def simulate(
    name: str,
    kernel: Path | None,
    image: Path | None,
    seconds: float | None,
    until: str | None,
    clock: Clock,
    devices: tuple[str, ...],
    pty: bool,
    apps: tuple[Path, ...],
) -> None:
    """Run a board's kernel in a simulator, with the board's console in this terminal.

    The board is QEMU's, or one with an nRF52840, which is simulated in Python. For such a board, the apps that are
    named are put into its flash image in place of those that are there.

    Ctrl-C or Ctrl-A X ends it. Ctrl-A before another control key sends that key to the board
    (Ctrl-A Ctrl-C sends Ctrl-C); Ctrl-A 0 to 3 presses a button. The apps and what they store stay in the flash image.
    """
    board = load_board(name)
    kernel = kernel or board.build / "kernel.elf"
    if image is not None and not image.exists() and not apps:
        raise AdderError(f"{image} does not exist; `adder image install {image} APP.tbf` makes it.")
    image = image or board.build / "flash.img"
    is_chip = board.flash_kind == "nrf_nvmc"
    if board.simulator != MACHINE and not is_chip:
        raise AdderError(
            f'{board.title} has no simulator here: `simulator` in its memory.toml does not say "{MACHINE}".'
        )
    if apps and not is_chip:
        raise AdderError(f"`adder image install {image} {apps[0]}` puts apps into the flash of {board.title}.")
    if devices and is_chip:
        raise AdderError(f"Devices can be attached to QEMU's board alone, not to {board.title}.")
    check_kernel(kernel, board)
    end_on_signals()
    seen = False
    if is_chip:
        from adder.run.chip_session import simulate_chip

        with own_port(pty, board.build):
            seen = simulate_chip(board, kernel, image, apps, seconds, until, clock)
        check_shown(seen, seconds, until)
        return
    with Simulation(kernel, image, clock=clock, devices=devices) as simulation, own_port(pty, board.build):
        if at_terminal():
            tell(f"{board.title}; Ctrl-A X ends it.", error=True)
        seen = _console(simulation, seconds, until)
        if simulation.raw and not simulation.raw.endswith(b"\n"):
            tell("")
    check_shown(seen, seconds, until)
