"""Generated capsules in the kernel as it is built for this machine, under sanitizers (tests/fuzz/host)."""

import ast
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path

from board_files import CAPSULES, HERE, wiring, write_board
from kernels import run, write

from adder.board import ROOT
from adder.build.freeze import Freezer, Module
from adder.verify import verify_module
from adder.verify.findings import Finding

HOST = Path(__file__).parent / "host"
FOLDER = ROOT / "build" / "fuzz-host"
OPTIONS = (
    *("KERNEL_HEAP_KB=128", "MAX_PROCESSES=4", "MAX_CAPSULES=40", "MAX_DRIVERS=16", "KERNEL_LOG_BYTES=2048"),
    "WIRED=n",  # there is no image to put it into
)
HARMLESS = re.compile(r"offset \S+ to null pointer")
"""Undefined by the standard, and nothing happens: a length of 0 goes with it."""

PROGRAM = "capsules.fuzz.program"
APPS = ("hello", "blink")


TRANSLATED = (
    # Assembly that machine.h has no macro for: the loop that clears a process's memory.
    (r"__asm volatile \(\s*\"mov r3, #0.*?\);", "memset((void *)start, 0, 64), start += 64;"),
    # Tracebacks are read from Thumb code; here there is none.
    (r"    const uint32_t \*stack = \(const uint32_t \*\)\(frame \+ 1\).*?trace_from\(.*?;\n", ""),
    (r"        trace_from\(__builtin_frame_address\(0\)\);\n", ""),
    # A call by the short way is a piece of work, too: see __wrap_mp_binary_op.
    (
        r"return (MP_OBJ_TYPE_GET_SLOT\(type, call\))\((function, n_args, n_kw, args)\);",
        r"extern mp_obj_t host_piece(mp_call_fun_t, mp_obj_t, size_t, size_t, const mp_obj_t *); "
        r"return host_piece(\1, \2);",
    ),
    # The harness looks at it.
    (r"static (uint8_t payer;|uint16_t spent;)", r"\1"),
    # Frames are larger here.
    (r"(#define CLIENT_STACK) \((\d+)\)", r"\1 (3 * \2)"),
    (r"check_room\(self->stack,", "check_room(3 * self->stack,"),
    (r"frames < stack / share", "frames < stack / 3 / share"),  # those of bytecode are not
)
"""What is written otherwise here, in the kernel's C."""


def translated(text: str) -> str:
    """A file of the kernel's C as it is written here."""
    for pattern, replacement in TRANSLATED:
        text = re.sub(pattern, replacement, text, flags=re.DOTALL)
    return text


def copy_firmware(folder: Path, changed: Callable[[str, str], str]) -> None:
    """The kernel's C as it is built here: in C alone, and with the changes that a test asks for."""
    for old in (folder / "firmware").rglob("*.[ch]"):
        if not (ROOT / old.relative_to(folder)).is_file():  # it has another name now
            old.unlink()
    for path in sorted((ROOT / "firmware").rglob("*.[ch]")):
        relative = path.relative_to(ROOT)
        text = translated(changed(str(relative), path.read_text()))
        if not (folder / relative).is_file() or (folder / relative).read_text() != text:
            write(folder / relative, text)


def build(folder: Path, changed: Callable[[str, str], str] = lambda path, text: text) -> Path:
    """The kernel for this machine; nothing new, nothing done. `changed` makes another text of a file's in firmware/."""
    board = folder / "board"
    late = f"from capsules.fuzz import program\n{wiring(['program'])}"
    write_board(board, (HERE / "host.toml").read_text(), OPTIONS, "", late)
    copy_firmware(folder, changed)
    run("tools/setup-fuzz")
    run(sys.executable, "-m", "adder.build.configure", str(board), str(folder))
    run(sys.executable, "-m", "adder.build.manifest", str(board), str(folder))
    top = (ROOT / (ROOT / "build/.micropython").read_text().strip()).resolve()
    run(
        "make", "-s", "-j2", "-C", str(HOST), f"BUILD={folder}", f"TOP={top}", f"PYTHON={sys.executable}",
        f"FIRMWARE={folder / 'firmware'}",
    )  # fmt: skip
    return folder / "kernel-host"


@dataclass
class Result:
    """What became of a program."""

    calls: int = 0
    failures: int = 0
    points: int = 0
    refused: bool = False
    """MicroPython's compiler did not take it."""
    report: str = ""
    """What the sanitizer or the harness has to say; empty if all is well."""

    @property
    def kind(self) -> str:
        """The finding's first line, without addresses: the same for the same cause."""
        found = re.search(
            r"(FOUND: .*|ERROR: AddressSanitizer: [\w-]+|runtime error: .*|[\w/.]+:\d+:\d+: runtime error.*)",
            self.report,
        )
        return re.sub(r"0x[0-9a-f]+|\d{4,}", "N", found[1]) if found else self.report.strip().split("\n")[0][:100]


class Host:
    """A kernel that waits for programs. Each runs in a process of its own, on a board that has just been wired."""

    def __init__(self, folder: Path, changed: Callable[[str, str], str] = lambda name, text: text) -> None:
        """`changed` makes another text of a module's."""
        self.kernel = folder / "kernel-host"
        # Its own folder: what a freezer compiles for the image is not what is needed here.
        self.freezer = Freezer(str(folder / "board"), folder)
        self.freezer.imports = self._imports  # type: ignore[method-assign]
        self.freezer.load("board")
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the kernel runs)
        self.process = subprocess.Popen(
            [self.kernel, *(ROOT / "build" / "apps" / f"{app}.tbf" for app in APPS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
        )  # fmt: skip
        for name, module in self.freezer.modules.items():
            if name != "config":
                self._send_module(name, self.freezer.emitter(module), changed(name, self.freezer.prepare(module)))
        self._send("boot\n")

    def _imports(self, body: list[ast.stmt]) -> list[str]:
        return [name for name in Freezer.imports(self.freezer, body) if name != PROGRAM]

    def _send(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())

    def _send_module(self, name: str, emit: str, text: str) -> None:
        self._send(f"module {name.replace('.', '/')}.py {emit} {len(text.encode())}\n{text}")

    def run(self, text: str, seed: int, words: str = "", emit: str = "native", steps: int = 40) -> Result:
        """Wire a program and call it; `words` are its functions of machine words."""
        self.freezer.config["words"][PROGRAM.replace(".", "/")] = words
        tree = ast.parse(text)
        module = Module(PROGRAM, Path("program.py"), text, tree)
        prepared = self.freezer.prepare(module)
        self.errors.seek(0)
        self.errors.truncate()
        self._send(f"run {seed} {steps} {CAPSULES} 1\n")
        self._send_module(PROGRAM, emit, prepared)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.flush()
        answer = self.process.stdout.readline().decode().split()
        self.errors.seek(0)
        said = self.errors.read().decode("utf-8", "replace")
        if answer[:1] == ["ok"]:
            told = [line for line in said.splitlines() if "runtime error" in line and not HARMLESS.search(line)]
            return Result(*map(int, answer[1:]), report="\n".join(told))
        if answer == ["found", "79"]:
            return Result(refused=True)
        said = self.located("".join(line for line in said.splitlines(True) if not HARMLESS.search(line)))
        return Result(report=said or f"it ended: {' '.join(answer) or 'the kernel is gone'}")

    def verify(self, text: str, words: str = "", without: Container[str] = ()) -> list[Finding]:
        """What the verifier says of a program; `words` are its functions of machine words."""
        modules = {name: (module.shown, module.text) for name, module in self.freezer.modules.items()}
        program = {**modules, PROGRAM: (Path("program.py"), text)}
        found = verify_module(program, PROGRAM, words.split())
        return [finding for finding in found if finding.rule not in without]

    def located(self, report: str) -> str:
        """The report with the functions' names beside their addresses."""
        addresses = re.findall(r"\(\S*kernel-host\+(0x[0-9a-f]+)\)", report)
        if not addresses:
            return report
        command = ["addr2line", "-f", "-s", "-e", str(self.kernel), *addresses]
        lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
        names = iter(f"{function} {place}" for function, place in zip(lines[::2], lines[1::2], strict=False))
        return re.sub(r"\(\S*kernel-host\+0x[0-9a-f]+\)", lambda _: next(names, "?"), report)

    def end(self) -> None:
        """End the kernel."""
        self.process.kill()
        self.process.wait()
