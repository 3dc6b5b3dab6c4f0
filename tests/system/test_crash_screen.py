"""The crash screen: kernels that are broken on purpose, in a copy of the image, say how and stop.

The report must fit a terminal, and a phone must be able to read the QR code: a decoder stands in
for it.
"""

import re
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import zxingcpp
from elftools.elf.elffile import ELFFile
from kernels import build_variant
from test_configurations import boot

from adder.run.simulate import ExpectTimeout, Simulation
from adder.symbols import Symbols

COLUMNS, LINES = 80, 24
LONGEST = 425  # what a QR code as wide as the terminal holds
MODULES = 4  # pixels
QUIET = 4  # modules
MARGIN = "(?:\x1b\\[[\\d;]*m(?:\u2588)+\x1b\\[0m\r\n){2}".encode()

UDF = struct.pack("<H", 0xDE00)
# bl (the next instruction); push {lr}, 8 times; udf
CALLERS = struct.pack("<11H", 0xF000, 0xF800, *[0xB500] * 8, 0xDE00)
# push {r0-r8, lr}; mov r0, sp; lsrs r0, r0, #29; beq (the udf); bl (the push); udf
# QEMU's board takes no notice of stores below its RAM, so this has to look where the stack pointer is.
OVERFLOW = struct.pack("<8H", 0xE92D, 0x41FF, 0x4668, 0x0F40, 0xD001, 0xF7FF, 0xFFF9, 0xDE00)
# mov r0, #0x30000000; mov sp, r0; push {r0-r8, lr}: there is nothing, as below a chip's RAM
LOST_STACK = struct.pack("<5H", 0xF04F, 0x5040, 0x4685, 0xE92D, 0x41FF)


@pytest.fixture
def broken(tmp_path: Path, kernel: Path, simulation: Callable[..., Simulation]) -> Callable[..., Simulation]:
    """Makes simulations of a broken kernel: `broken({"ipc_command": UDF}, "hello")`."""

    def make(patches: dict[str, bytes], *apps: str | Path) -> Simulation:
        copy = Path(shutil.copy(kernel, tmp_path / "broken.elf"))
        symbols = Symbols.read(kernel)
        with copy.open("r+b") as file:
            segments = list(ELFFile(file).iter_segments("PT_LOAD"))
            for name, code in patches.items():
                address = symbols[name].address
                [segment] = [s for s in segments if 0 <= address - s["p_vaddr"] < s["p_filesz"]]
                file.seek(address - segment["p_vaddr"] + segment["p_offset"])
                file.write(code)
        board = simulation(*apps)
        board.kernel = copy
        return board

    return make


def crash(board: Simulation) -> tuple[str, str]:
    """Wait for the whole crash screen: the report, and what the QR code says."""
    board.expect(r"^panicked: ", timeout=30)
    for _ in range(2):  # above and below the code
        board.expect(MARGIN, timeout=30)
    text = board.transcript
    match = re.search(r"^(panicked: .*?)\r\n\r\n((?:\x1b[^\n]*\n)+)\Z", text, re.DOTALL | re.MULTILINE)
    assert match, text
    report = match[1].replace("\r\n", "\n")
    code = re.sub(r"\x1b\[[\d;]*m|\r", "", match[2]).splitlines()
    assert max(map(len, [*report.splitlines(), *code])) <= COLUMNS
    assert report.count("\n") < LINES
    return report, decode(code).removesuffix("\n")


def decode(code: list[str]) -> str:
    """What a QR code in half blocks says; blocks are light."""
    halves = {"\u2588": (255, 255), "\u2580": (255, 0), "\u2584": (0, 255), " ": (0, 0)}
    rows = [[halves[c][half] for c in line] for line in code for half in (0, 1)]
    for margin in (*rows[:QUIET], *rows[-QUIET:], *(row[:QUIET] + row[-QUIET:] for row in rows)):
        assert set(margin) == {255}
    pixels = bytes(value for row in rows for _ in range(MODULES) for value in row for _ in range(MODULES))
    image = memoryview(pixels).cast("B", (len(rows) * MODULES, len(rows[0]) * MODULES))
    [found] = zxingcpp.read_barcodes(
        image, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode), try_invert=False
    )
    assert found.valid
    return found.bytes.decode()


def registers(report: str) -> dict[str, int]:
    """The values in the report by their names; R0-R3 and its kin by the first name."""
    return {name: int(value, 16) for name, value in re.findall(r"([A-Zx]+\d*)(?:-R\d+)? +([0-9a-f]+)\b", report)}


def callers(report: str, symbols: Symbols) -> list[str | None]:
    """The functions that the report's callers lie in."""
    match = re.search(r"^callers((?: [0-9a-f]+)*)$", report, re.MULTILINE)
    assert match
    return [symbols.at(int(address, 16) - 1) for address in match[1].split()]


def test_a_fault_in_a_system_call_is_reported_and_the_code_says_the_same(broken, kernel_symbols) -> None:
    with broken({"syscall_memop": UDF}, "hello") as board:
        report, code = crash(board)
        assert code == report
        assert report.startswith("panicked: fault in the kernel\nAdder ")
        assert "\ncurrent process: app hello" in report
        values = registers(report)
        assert values["CFSR"] == 0x10000  # an undefined instruction
        assert values["PC"] == kernel_symbols["syscall_memop"].address
        assert values["LR"] == 0xFFFFFFFD  # SVC_Handler has jumped there
        assert kernel_symbols["_stack_limit"].address < values["SP"] <= kernel_symbols["_stack_top"].address
        assert values["xPSR"] & 0x1FF == 11  # SVCall
        said = board.transcript
        with pytest.raises(ExpectTimeout):
            board.expect(r"hello: hello", timeout=1)
        assert board.transcript == said


def test_the_callers_are_found_on_the_stack(broken, kernel_symbols) -> None:
    with broken({"process_create": UDF}, "hello") as board:
        report, code = crash(board)
        assert code == report
        assert "current process" not in report
        assert registers(report)["xPSR"] & 0x1FF == 0  # still booting, which is thread mode
        found = callers(report, kernel_symbols)
        assert 3 <= len(found) <= 8
        assert "main" in found or len(found) == 8
        assert all(name is not None for name in found)


def test_messages_that_wait_in_the_log_come_first(broken) -> None:
    with broken({"schedule_start": UDF}, "hello") as board:
        crash(board)
        assert re.match(r"Adder .*\r\napp hello: slot 0, .*\r\n\r\npanicked: ", board.transcript)


def test_a_report_as_long_as_can_be_is_cut_and_fits(broken, kernel_symbols, python_app) -> None:
    name = "long" * 16
    with broken({"syscall_command": CALLERS}, python_app("print(1)", name=name)) as board:
        report, code = crash(board)
        assert code == report
        assert callers(report, kernel_symbols) == ["syscall_command"] * 8
        assert len(report) == LONGEST
        assert re.search(r"\ncurrent process: app (?:long)+", report)


def test_an_overflow_of_the_kernels_stack_is_reported(broken, kernel_symbols) -> None:
    with broken({"syscall_memop": OVERFLOW}, "hello") as board:
        report, code = crash(board)
        assert code == report
        assert registers(report)["SP"] < kernel_symbols["_stack_limit"].address
        assert "is not in the stack: an overflow?" in report
        assert callers(report, kernel_symbols) == ["syscall_memop"] * 8


def test_a_stack_pointer_to_nowhere_is_reported(broken) -> None:
    with broken({"syscall_memop": LOST_STACK}, "hello") as board:
        report, code = crash(board)
        assert code == report
        assert registers(report)["CFSR"] & 0x1000  # the frame could not be stacked
        assert 0x2FFFFF00 < registers(report)["SP"] < 0x30000000
        assert "PC" not in report


@pytest.mark.parametrize("where", ["qrcodegen_encodeBinary", "crash_screen_callers", "kernel_log_panic"])
def test_a_fault_in_the_crash_report_ends_it(broken, where) -> None:
    with broken({"syscall_memop": UDF, where: UDF}, "hello") as board:
        board.expect(r"^fault in the crash report\r\n", timeout=30)
        assert ("PC" in board.transcript) == (where != "kernel_log_panic")
        said = board.transcript
        with pytest.raises(ExpectTimeout):
            board.expect(r"fault|hello", timeout=1)
        assert board.transcript == said


def test_a_panic_by_policy_has_a_code_too(tmp_path: Path) -> None:
    with boot(build_variant("qemu", "FAULT_POLICY_PANIC=y"), tmp_path) as board:
        report, code = crash(board)
        assert code == report
        assert report.startswith("panicked: process faulty had a fault\nAdder ")
        assert "kernel fault" not in report
