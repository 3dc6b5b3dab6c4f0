"""Random input at the kernel's two open doors: programs in flash, and system calls.

A bounded version runs always; `make fuzz` (pytest --long) runs 10,000 images, 10,000 Python programs and
1,000,000 calls.
"""

import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from adder.apps.elf_to_tbf import Options, elf_to_tbf
from adder.board import ROOT, load_board

APPS = ROOT / "build" / "apps"
SUBJECTS = ("hello", "blink", "ping", "float", "hog", "hello-fixed", "exits-restart", "faulty-write-flash", "spin")
PYTHON_SUBJECTS = ("blink-py", "clock-py", "rot13-py", "benchmark-py", "misbehave-forge", "misbehave-read-kernel")
PER_BOOT = 20


def fix_checksum(data: bytearray) -> None:
    """Make the header's checksum right, as far as there is a header."""
    size = min(struct.unpack_from("<H", data, 2)[0] & ~3, len(data))
    struct.pack_into("<I", data, 12, 0)
    total = 0
    for (word,) in struct.iter_unpack("<I", data[:size]):
        total ^= word
    struct.pack_into("<I", data, 12, total)


def mutate(random: random.Random, original: bytes) -> bytes:
    """The program with some of it changed; its length stays, mostly."""
    data = bytearray(original)
    header_size = struct.unpack_from("<H", data, 2)[0]
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        kind = random.randrange(6)
        if kind == 0:  # a bit of the header
            data[random.randrange(header_size)] ^= 1 << random.randrange(8)
        elif kind == 1:  # a number of the header becomes an extreme one
            at = random.randrange(16, header_size - 3, 4)
            struct.pack_into("<I", data, at, random.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF)))
        elif kind == 2:  # a TLV's type and length
            at = random.randrange(16, header_size - 3, 4)
            struct.pack_into("<HH", data, at, random.randrange(12), random.randrange(80))
        elif kind == 3:  # the sizes
            struct.pack_into("<H", data, 2, random.randrange(0, 2048, random.choice((1, 4))))
        elif kind == 4:  # code
            for _ in range(32):
                data[random.randrange(header_size, len(data))] = random.randrange(256)
        else:  # the ten words that crt0 believes
            at = header_size + 4 * random.randrange(10)
            struct.pack_into("<I", data, at, random.getrandbits(32) >> random.randrange(32))
    # Most keep a checksum that is right, and a size that leads to the next one.
    if random.random() < 0.9:
        struct.pack_into("<I", data, 4, len(data))
        fix_checksum(data)
    return bytes(data)


def mutate_bytecode(random: random.Random, original: bytes) -> bytes:
    """The Python program with some of its .mpy or file system changed; the header says what it said."""
    data = bytearray(original)
    start = struct.unpack_from("<H", data, 2)[0]
    end = start + 16 + struct.unpack_from("<I", data, start + 8)[0]

    def change(new: bytes) -> None:
        data[at : at + len(new)] = new[: end - at] + data[end : max(end, at + len(new))]

    for _ in range(random.choice((1, 1, 2, 4, 16))):
        at = random.randrange(start, end)
        kind = random.randrange(5)
        if kind == 0:
            data[at] ^= 1 << random.randrange(8)
        elif kind == 1:
            data[at] = random.randrange(256)
        elif kind == 2:  # numbers are of variable length: make one long
            change(bytes((0xFF, 0xFF, 0xFF, 0xFF, 0x7F)))
        elif kind == 3:  # a stretch of it elsewhere
            change(bytes(data[start + 16 : start + random.randrange(17, 40)]))
        else:  # an address as a constant
            address = random.choice((0x20000000, 0x20001800, 0x40004000, 0xE000ED94, 0x100, 0xFFFFFFFC))
            change(address.to_bytes(4, "little"))
    return bytes(data)


def witness(tmp_path: Path, name: str, argument: str) -> Path:
    path = tmp_path / f"{name}.tbf"
    path.write_bytes(elf_to_tbf((APPS / "hello.elf").read_bytes(), Options(name=name, argument=argument)).encode())
    return path


def run_mutants(simulation, tmp_path: Path, boots: int, mutant: Callable[[], bytes]) -> tuple[int, int]:
    """Boot with mutants behind a witness, again and again; returns how many were refused and how many ran."""
    room = load_board().app_flash.size
    board = simulation(witness(tmp_path, "witness", "3"))
    good = Path(board.image).read_bytes()[:4096]
    skipped = started = 0
    with board:
        for boot in range(boots):
            board.expect(r"witness: hello, 1 of 3", timeout=20)
            board.stop()
            flash = good + b"".join(mutant() for _ in range(PER_BOOT))
            with Path(board.image).open("r+b") as image:
                image.write(flash.ljust(room, b"\xff")[:room])
            mark = len(board.transcript)
            board.reset()
            board.cont()
            board.expect(r"witness: hello, 3 of 3", timeout=240)  # a loaded machine is slow
            said = board.transcript[mark:]
            assert "kernel fault" not in said, f"boot {boot}:\n{said}"
            assert "panicked" not in said, f"boot {boot}:\n{said}"
            skipped += said.count("skipped") + said.count("list of apps ends here")
            started += said.count(": slot ")
            board.reset()
    return skipped, started


def test_mutated_programs_harm_neither_the_kernel_nor_a_witness(simulation, tmp_path, long) -> None:
    boots = 500 if long else 6
    rng = random.Random(20)
    originals = [(APPS / f"{name}.tbf").read_bytes() for name in SUBJECTS]
    skipped, started = run_mutants(simulation, tmp_path, boots, lambda: mutate(rng, rng.choice(originals)))
    # The mutants reach both sides: some are refused, some run.
    assert skipped > boots
    assert started > 2 * boots


@pytest.mark.parametrize("flags", ["", "w", "bxpw"])
def test_random_system_calls_harm_neither_the_kernel_nor_a_witness(simulation, tmp_path, long, flags) -> None:
    calls = 1_000_000 if long else 10_000
    hostile = tmp_path / "hostile.tbf"
    elf = (APPS / "hostile.elf").read_bytes()
    hostile.write_bytes(elf_to_tbf(elf, Options(name="hostile", argument=f"{len(flags) + 1} {calls} {flags}")).encode())
    with simulation(witness(tmp_path, "witness", "1000000"), hostile, "float") as board:
        board.expect(r"hostile: begin", timeout=20)
        if flags == "":
            board.expect(rf"hostile: end, {calls} calls", timeout=500)
        elif "b" in flags:
            board.expect(r"hostile: begin", timeout=60)  # it ended badly and began again
        if "p" not in flags:  # with p, it may stop the witness: that power is what driver 0x10002 gives
            board.expect(r"witness: hello, \d+ of", timeout=60)
        board.expect(r"float: \d+ rounds, no register lost", timeout=60)
        assert "kernel fault" not in board.transcript
        assert "panicked" not in board.transcript


def test_an_app_that_floods_another_with_notifications_costs_it_nothing(simulation, tmp_path) -> None:
    # Found by the random calls: notifications filled the victim's queue, and its console upcall was dropped.
    hostile = tmp_path / "hostile.tbf"
    hostile.write_bytes(
        elf_to_tbf((APPS / "hostile.elf").read_bytes(), Options(name="hostile", argument="1 20000")).encode()
    )
    with simulation(hostile, witness(tmp_path, "witness", "6"), "blink", "float") as board:
        board.expect(r"witness: hello, 6 of 6", timeout=60)


NATIVE = """
@micropython.native
def f(x):
    return [x] * 3

@micropython.viper
def g(a: int, p: ptr32) -> int:
    return p[a] + a

print(f(1), g(0, bytearray(8)))
"""


def test_mutated_bytecode_harms_its_own_process_only(simulation, python_app, tmp_path, long) -> None:
    rng = random.Random(21)
    originals = [(APPS / f"{name}.tbf").read_bytes() for name in PYTHON_SUBJECTS]
    originals.append(python_app(NATIVE, name="native").read_bytes())
    boots = 500 if long else 6
    skipped, started = run_mutants(simulation, tmp_path, boots, lambda: mutate_bytecode(rng, rng.choice(originals)))
    assert skipped == 0
    assert started > boots * PER_BOOT / 4
