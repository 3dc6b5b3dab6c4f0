"""No Python app reads, writes or executes what is not its own, whatever its bytecode forges."""

import itertools
import re

import pytest
from test_isolation import REGIONS

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


@pytest.mark.parametrize(("region", "door", "way"), CASES)
def test_no_door_leads_out(simulation, kernel_symbols, python_app, region, door, way) -> None:
    address = REGIONS[region]
    if address == "witness RAM":
        address = kernel_symbols["_process_ram_start"].address + 64
    elif isinstance(address, str):
        address = kernel_symbols[address].address
    text = f"{DOORS[door]}\nprint('found', {way}(0x{address | (way == 'execute'):08x}))"
    with simulation("hello", python_app(text, name="prober", native=True, ram=16384)) as board:
        if (region, way) in MAY and door != "forged object":
            board.expect(r"found \d+", timeout=20)
            return
        found = board.expect(r"found (\S+)|App: prober   -   \[Faulted\]", timeout=20)
        if found[1] is not None:
            assert found[1] is None, f"{way} of {region}: {found[1]!r}"
        board.expect(r"hello: hello, 3 of 5", timeout=20)
        report = board.transcript[: board.transcript.index("App: prober")]
        stopped = (
            r"(Data|Instruction) Access Violation|Bus Error|Invalid State|Undefined Instruction|uncaught exception"
        )
        assert re.search(stopped, report), report
        assert "kernel fault" not in board.transcript


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
