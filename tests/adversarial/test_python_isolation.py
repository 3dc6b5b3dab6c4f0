"""No Python app reads, writes or executes what is not its own, whatever its bytecode forges."""

import itertools
import re
from pathlib import Path

import pytest
from probes import Probes
from test_isolation import REGIONS, address_of

from adder.apps.python_app import build

# Through `uctypes`, which makes an object of any address; through machine code of the viper emitter,
# which dereferences any number; through a list whose item is an address.
DOORS = {
    "uctypes": """
import uctypes
def read(address):
    return uctypes.bytearray_at(address, 1)[0]
def write(address):
    uctypes.bytearray_at(address, 1)[0] = 0xAA
""",
    "machine code": """
@micropython.viper
def read(address: int) -> int:
    return ptr8(address)[0]
@micropython.viper
def write(address: int):
    ptr8(address)[0] = 0xAA
@micropython.asm_thumb
def execute(r0):
    bx(r0)
""",
    "forged object": """
import uctypes
def forged(address):
    victim = ["an object"]
    items = int.from_bytes(uctypes.bytearray_at(id(victim) + 12, 4), "little")
    uctypes.bytearray_at(items, 4)[:] = (address & ~3).to_bytes(4, "little")
    return victim
def read(address):
    return forged(address)[0].attribute
""",
}

CASES = [
    (region, door, way)
    for region, (door, code) in itertools.product(REGIONS, DOORS.items())
    for way in ("read", "write", "execute")
    if f"def {way}(" in code
]

# What a Python process may read and run, unlike a program in C: the interpreter.
MAY = {("kernel flash", "read")}


@pytest.fixture(scope="module")
def probes(tmp_path_factory: pytest.TempPathFactory) -> Probes[tuple[str, str, str]]:
    """A Python app for each case."""

    def make(case: tuple[str, str, str], name: str, wait: int, folder: Path) -> Path:
        region, door, way = case
        address = address_of(region, made.symbols) | (way == "execute")
        settings = f'# /// script\n# [tool.adder]\n# name = "{name}"\n# native = true\n# ram = 16384\n# ///\n'
        text = f"import time\ntime.sleep_ms({wait})\n{DOORS[door]}\nprint('{name} tries')\n"
        text += f"print('{name} found', {way}(0x{address:08x}))\n"
        (folder / f"{name}.py").write_text(settings + text)
        path = folder / f"{name}.tbf"
        path.write_bytes(build(folder / f"{name}.py").tbf.encode())
        return path

    folder = tmp_path_factory.mktemp("probes")
    made = Probes(folder, CASES, make, r"app {name}: stopped|^{name} found", at_once=10)
    return made


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_no_door_leads_out(case: tuple[str, str, str], probes: Probes[tuple[str, str, str]]) -> None:
    region, door, way = case
    shown, name = probes.shown(case), probes.name(case)
    assert f"{name} tries" in shown, shown
    if (region, way) in MAY and door != "forged object":
        assert re.search(rf"{name} found \d+", shown), shown
        return
    assert f"{name} found" not in shown, f"{way} of {region}"
    report = probes.report(case)
    assert report is not None, shown
    stopped = r"(Data|Instruction) Access Violation|Bus Error|Invalid State|Undefined Instruction|uncaught exception"
    assert re.search(stopped, report), report


STOLEN = """
import time
@micropython.asm_thumb
def steal(r0, r1):
    mov(r9, r0)
    mov(r4, r1)
    label(again)
    mov(r0, 2)          # command 3 of driver 2: toggle the LED
    mov(r1, 3)
    mov(r2, 1)
    mov(r3, 0)
    data(2, 0xdf02)
    mov(r0, 0)          # yield, without waiting
    mov(r1, 0)
    data(2, 0xdf00)
    mov(r0, 1)          # command 5 of driver 0: an alarm, soon
    mov(r0, 0)
    mov(r1, 5)
    mov(r2, 1)
    data(2, 0xdf02)
    sub(r4, 1)
    bne(again)
    data(2, 0xdfff)     # no system call: crash
time.sleep_ms(100)
steal(ADDRESS, 5000)
"""


@pytest.mark.parametrize("where", ["kernel_python_state", "processes", "_stack_top", 0, 0xFFFFFFFC, 0xE000ED94])
def test_a_forged_state_register_is_the_process_s_own_trouble(simulation, kernel_symbols, python_app, where) -> None:
    # System calls, preemption and a restart find the kernel's interpreter with the kernel's state,
    # whatever the process has put into r9.
    address = kernel_symbols[where].address if isinstance(where, str) else where
    thief = python_app(STOLEN.replace("ADDRESS", f"0x{address:08x}"), name="thief", native=True, ram=16384)
    with simulation("hello", thief, "blink-py") as board:
        board.expect(r"app thief: restart in 200 ms", timeout=30)
        board.expect(r"hello: hello, 5 of 5", timeout=30)
        assert "kernel fault" not in board.transcript
        assert "panicked" not in board.transcript
