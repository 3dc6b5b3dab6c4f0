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

# What a Python process may read and run, unlike a program in C: the interpreter, and the page of the
# pointer to its state, which it may read.
MAY = {
    ("kernel flash", "read"),
    ("pointer to the interpreter's state", "read"),
}


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
        stopped = r"(Data|Instruction) Access Violation|Bus Error|Invalid State|Undefined Instruction|uncaught exception"
        assert re.search(stopped, report), report
        assert "kernel fault" not in board.transcript
