"""What the loader makes of the programs in flash, good and bad."""

import re
import struct
from pathlib import Path
from typing import Any

import pytest
from fuzzing import record
from hypothesis import given, settings
from hypothesis import strategies as st
from loader_in_unicorn import KernelLoader

from adder.apps.loading import load, process_ram
from adder.apps.tbf import (
    FixedAddresses,
    Header,
    KernelVersion,
    Main,
    PackageName,
    Permission,
    Permissions,
    Program,
    PythonProgram,
    Tlv,
)
from adder.board import ROOT, load_board

HELLO = ROOT / "build" / "apps" / "hello.tbf"


def checksummed(header: bytearray) -> bytes:
    """The header with its checksum set right."""
    size = struct.unpack_from("<H", header, 2)[0]
    struct.pack_into("<I", header, 12, 0)
    total = 0
    for (word,) in struct.iter_unpack("<I", header[:size]):
        total ^= word
    struct.pack_into("<I", header, 12, total)
    return bytes(header)


def patched(offset: int, layout: str, value: int) -> bytes:
    """hello.tbf with one number of its header changed, and the checksum right."""
    data = bytearray(HELLO.read_bytes())
    struct.pack_into(layout, data, offset, value)
    return checksummed(data)


def find_tlv(kind: int) -> int:
    """Where the TLV's data begins in hello.tbf."""
    data, at = HELLO.read_bytes(), 16
    while at < struct.unpack_from("<H", data, 2)[0]:
        found, length = struct.unpack_from("<HH", data, at)
        if found == kind:
            return at + 4
        at += 4 + (length + 3) // 4 * 4
    raise LookupError(kind)


def boot_raw(simulation, *programs: bytes):
    """A simulation whose flash holds exactly these bytes, one after the other."""
    board = simulation()
    with Path(board.image).open("r+b") as image:
        image.write(b"".join(programs) + b"\xff" * 16)
    return board


def flipped(offset: int, bit: int = 0) -> bytes:
    """hello.tbf with one bit of it flipped, and nothing put right."""
    data = bytearray(HELLO.read_bytes())
    data[offset] ^= 1 << bit
    return bytes(data)


SKIPPED = {
    "a wrong checksum": (lambda: flipped(12), "wrong checksum"),
    "a flag that is not in the checksum": (lambda: flipped(8), "wrong checksum"),
    "a header that is too small": (lambda: flipped(2, 6), "impossible size of the header"),
    "a header that is larger than the app": (lambda: patched(2, "<H", 0xFFFC), "impossible size of the header"),
    "a TLV that reaches beyond the header": (
        lambda: patched(find_tlv(9) - 2, "<H", 4000),
        "header entry reaches beyond the header",
    ),
    "a main header of the wrong length": (lambda: patched(find_tlv(1) - 2, "<H", 8), "main header of the wrong length"),
    "a program outside its flash": (
        lambda: patched(find_tlv(9), "<I", 0x7FFFFFFF),
        "the program lies outside its own flash",
    ),
    "another kernel version": (lambda: patched(find_tlv(8), "<H", 3), "made for another version of the kernel"),
}


def test_bad_programs_are_skipped_with_a_clear_line_each_and_the_next_one_runs(simulation) -> None:
    programs = [make() for make, _ in SKIPPED.values()]
    with boot_raw(simulation, *programs, HELLO.read_bytes()) as board:
        board.expect(r"hello: hello, 2 of 5\n", timeout=60)
        said = re.sub(r"hello: hello, \d of 5\n", "", board.transcript)  # the app's, between pieces of the kernel's log
    for number, (_, message) in enumerate(SKIPPED.values()):
        at = 0x21000000 + number * len(programs[0])
        assert re.search(rf"^flash at 0x{at:08x}: {message}; skipped", said, re.MULTILINE)


def test_twenty_thousand_damaged_headers_are_no_twenty_thousand_lines_and_hold_nobody_up(simulation) -> None:
    """Any app that may load others can leave them behind. A line for each would take seconds of each boot."""
    damaged = struct.pack("<HHIII", 2, 16, 16, 1, 0xBAD)
    with boot_raw(simulation, damaged * 20_000, HELLO.read_bytes()) as board:
        board.expect(r"flash: 19976 more programs are damaged or disabled", timeout=60)
        board.expect(r"hello: hello, 1 of 5", timeout=60)
        assert board.time < 2
        assert board.transcript.count("wrong checksum; skipped") <= 24


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (lambda: patched(4, "<I", 0x7FFFFFFC), "impossible size of the program"),
        (lambda: b"\x01" * 64, "not a TBF version 2 header"),
    ],
)
def test_a_header_whose_size_cannot_be_trusted_ends_the_list(simulation, program, message) -> None:
    with boot_raw(simulation, HELLO.read_bytes(), program(), HELLO.read_bytes()) as board:
        board.expect(rf"^flash at 0x21001000: {message}; the list of apps ends here")
        board.expect(r"^hello: hello, 2 of 5", timeout=60)
        assert board.transcript.count("app hello: slot") == 1


def test_a_disabled_program_is_not_started(simulation) -> None:
    with boot_raw(simulation, patched(8, "<I", 0), HELLO.read_bytes()) as board:
        board.expect(r"^app hello: disabled")
        board.expect(r"^app hello: slot 0")


def test_a_program_that_wants_too_much_ram_is_not_started(simulation) -> None:
    with boot_raw(simulation, patched(find_tlv(9) + 8, "<I", 0x100000), HELLO.read_bytes()) as board:
        board.expect(r"^app hello: not started, no room for 1048576 bytes of RAM")
        board.expect(r"^app hello: slot 0")


def test_more_programs_than_slots(simulation) -> None:
    with boot_raw(simulation, *[HELLO.read_bytes()] * 18) as board:
        board.expect(r"^app hello: slot 15")
        board.expect(r"^app hello: not started, all 16 process slots are in use")
        board.expect(r"^hello: hello, 2 of 5", timeout=60)


def test_a_name_cannot_write_on_the_console(simulation) -> None:
    at = find_tlv(3)
    with boot_raw(simulation, patched(at, "<I", 0x1B5B324A)) as board:
        board.expect(r"^app J2\[\?o: slot 0")
        assert "\x1b" not in board.transcript.split("Adder ")[1].split(": slot 0")[0]


# ---------------------------------------------------------------------------- the loader and its twin on the host

BOARD = load_board("qemu")
FIRST_RAM = process_ram(BOARD).start


@pytest.fixture(scope="module")
def loader(kernel: Path) -> KernelLoader:
    return KernelLoader(kernel, BOARD)


def kernel_says(loader: KernelLoader, flash: bytes) -> dict[str, list[Any]]:
    """The kernel's lines, sorted out."""
    said: dict[str, list[Any]] = {"damaged": [], "end": [], "started": [], "disabled": [], "refused": []}
    for line in loader.run(flash):
        if line.startswith("flash at 0x"):
            said["end" if line.endswith("the list of apps ends here") else "damaged"].append(int(line[11:19], 16))
        elif ": slot " in line:
            rest = line.rpartition(": slot ")[2]
            slot, place, ram = rest.split(", ")
            said["started"].append((int(slot), int(place[6:16], 16), int(ram[4:14], 16), int(ram[15:25], 16)))
        else:
            said["disabled" if line.endswith(": disabled") else "refused"].append(line)
    return said


def tool_says(flash: bytes) -> dict[str, list[Any]]:
    """The same from the host's tools."""
    said: dict[str, list[Any]] = {"damaged": [], "end": [], "started": [], "disabled": [], "refused": []}
    for verdict in load(flash.ljust(BOARD.app_flash.size, b"\xff"), BOARD):
        header = verdict.header
        if verdict.size == 0:
            said["end"].append(verdict.address)
        elif verdict.bad_header:
            said["damaged"].append(verdict.address)
        elif header is None or header.program is None:
            continue
        elif not header.enabled:
            said["disabled"].append(verdict)
        elif verdict.ram is not None:
            said["started"].append((verdict.slot, verdict.address, verdict.ram.start, verdict.ram.end))
        else:
            said["refused"].append(verdict)
    said["started"].sort()
    return said


def assert_agreed(loader: KernelLoader, flash: bytes) -> dict[str, list[Any]]:
    """Kernel and tools say the same of this flash."""
    kernel, tool = kernel_says(loader, flash), tool_says(flash)
    for what in ("damaged", "end", "started"):
        assert kernel[what] == tool[what], what
    assert len(kernel["disabled"]) == len(tool["disabled"])
    assert len(kernel["refused"]) == len(tool["refused"])
    return kernel


def made(name: str, *tlvs: Tlv, size: int = 512, ram: int = 2048, enabled: bool = True) -> bytes:
    """A small app; its program is nothing."""
    end = size - 64
    header = Header(size, (Main(0, 0, ram), Program(0, 0, ram, end), PackageName(name), *tlvs), enabled=enabled)
    return header.encode().ljust(size, b"\0")


def test_whichever_bit_of_a_header_is_flipped_only_that_app_is_lost(loader) -> None:
    before, behind = made("before"), made("behind", FixedAddresses(FIRST_RAM + 0x8000, None))
    victim = made("victim", KernelVersion(2, 0), PythonProgram(1024), FixedAddresses(FIRST_RAM + 0x4000, None))
    at = BOARD.app_flash.start
    for place in range(8 * struct.unpack_from("<H", victim, 2)[0]):
        data = bytearray(victim)
        data[place // 8] ^= 1 << place % 8
        said = assert_agreed(loader, before + bytes(data) + behind)
        started = {flash for _, flash, _, _ in said["started"]}
        assert at in started
        assert at + 512 not in started, f"bit {place} was not noticed"
        size_is_intact = place // 8 not in (0, 1, 4, 5, 6, 7)
        if size_is_intact:
            assert said["damaged"] == [at + 512]
            assert at + 1024 in started, f"bit {place} hides the app behind"


@st.composite
def app_lists(draw: st.DrawFn) -> bytes:
    """Lists of apps of all kinds, damaged here and there; half of the damage has its checksum put right."""
    out = b""
    for number in range(draw(st.integers(1, 6))):
        tlvs: list[Tlv] = []
        size = draw(st.sampled_from([256, 512, 512, 768, 1024, 1028, 4096]))
        ram = draw(st.sampled_from([0, 100, 2048, 5000, 20000, 50000, 150000, 195584, 196608, 300000]))
        if draw(st.booleans()):
            place = FIRST_RAM + draw(
                st.sampled_from([-0x8000, 0, 32, 0x1000, 0x1010, 0x4000, 0x10000, 0x2F000, 0x40000])
            )
            flash = draw(st.sampled_from([None, None, None, BOARD.app_flash.start + len(out) + 80]))
            tlvs.append(FixedAddresses(draw(st.sampled_from([place, place, None])), flash))
        more = [KernelVersion(2, 0), KernelVersion(2, 3), PythonProgram(1024)]
        more += [PackageName("x" * draw(st.sampled_from([128, 129])))] if size >= 512 else []
        permissions = draw(st.sampled_from([1, 128, 129])) if size == 4096 else 1
        more.append(Permissions((Permission(1, 0, 1),) * permissions))
        tlvs += draw(st.lists(st.sampled_from(more), max_size=2))
        app = made(f"app{number}", *tlvs, size=size, ram=ram, enabled=draw(st.sampled_from([True, True, True, False])))
        if draw(st.integers(0, 9)) == 0:
            app = Header(size, enabled=False).encode().ljust(size, b"\0")
        data = bytearray(app)
        header_size = struct.unpack_from("<H", data, 2)[0]
        for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
            where = draw(st.integers(0, header_size - 1))
            data[where] = draw(st.sampled_from([0, 1, 0xFF, data[where] ^ 1 << draw(st.integers(0, 7))]))
            claimed = struct.unpack_from("<H", data, 2)[0]
            if draw(st.booleans()) and 16 <= claimed <= len(data) and claimed % 4 == 0:
                data = bytearray(checksummed(data))
        out += bytes(data)
    return out


def test_kernel_and_tools_agree_on_lists_of_any_apps(loader, long) -> None:
    examples = 20000 if long else 600
    counts = {"lists": 0, "started": 0, "refused": 0, "damaged": 0, "end": 0}

    @settings(max_examples=examples, deadline=None, database=None)
    @given(app_lists())
    def check(flash: bytes) -> None:
        said = assert_agreed(loader, flash)
        counts["lists"] += 1
        for what in ("started", "refused", "damaged", "end"):
            counts[what] += len(said[what])

    check()
    assert all(counts.values()), counts  # each kind of verdict has been seen
    if long:
        record("lists of apps", app_lists=counts["lists"])


# ---------------------------------------------------------------------------- who comes first, and who is too old

# movs r0, #0; movs r1, #0: what a program for Tock 1.x says to memop, and here it is an allow; then it uses its memory.
TOCK_1_START = "0b46 0020 0021 04df 0122 9202 9850 fee7"
UNKNOWN_CALL = "0020 42df fee7"


def raw_program(name: str, code: str, *tlvs: Tlv) -> bytes:
    """An app whose program is this machine code."""
    head = made(name, *tlvs)
    size = struct.unpack_from("<H", head, 2)[0]
    return (head[:size] + bytes.fromhex(code)).ljust(512, b"\0")


def test_programs_for_tock_1_end_with_one_sentence_and_others_that_fault_as_early_do_not(simulation) -> None:
    programs = [
        raw_program("old", TOCK_1_START),
        raw_program("older", UNKNOWN_CALL),
        raw_program("young", UNKNOWN_CALL, KernelVersion(2, 0)),
    ]
    with boot_raw(simulation, *programs, HELLO.read_bytes()) as board:
        board.expect(r"^hello: hello, 5 of 5", timeout=60)
        assert "app young: restart in 200 ms" in board.transcript
        for name in ("old", "older"):
            assert board.transcript.count(f"app {name}: ended; it seems to be made for Tock 1.x") == 1
            assert f"app {name}: restart" not in board.transcript
        assert "App: old" not in board.transcript  # no report of registers


def test_an_app_with_a_fixed_place_in_ram_gets_it_wherever_it_stands_in_the_list(simulation) -> None:
    first_come = made("anywhere", KernelVersion(2, 0), ram=4096)
    fixed = made("fixed", KernelVersion(2, 0), FixedAddresses(FIRST_RAM, None), ram=4096)
    late = made("late", KernelVersion(2, 0), FixedAddresses(FIRST_RAM + 1024, None), ram=4096)
    with boot_raw(simulation, first_come, fixed, late) as board:
        board.expect(rf"^app fixed: slot 0, flash 0x21000200-0x21000400, RAM {FIRST_RAM:#010x}-")
        board.expect(r"^app late: not started, no room for 4096 bytes of RAM")
        board.expect(r"^app anywhere: slot 1, flash 0x21000000-0x21000200, RAM 0x200")


def test_a_name_or_permissions_that_a_system_call_would_look_through_for_long_are_refused(simulation) -> None:
    hello = HELLO.read_bytes()
    main = hello[find_tlv(1) - 4 :][:16]

    def program(tlv: bytes) -> bytes:
        size = 16 + 16 + len(tlv)
        header = struct.pack("<HHIII", 2, size, 8192, 1, 0) + main + tlv
        return checksummed(bytearray(header.ljust(8192, b"\0")))

    long_name = program(struct.pack("<HH", 3, 132) + b"x" * 132)
    permissions = struct.pack("<HHH", 6, 2 + 16 * 129, 129) + bytes(16 * 129) + bytes(2)
    with boot_raw(simulation, long_name, program(permissions), hello) as board:
        board.expect("a name that is too long; skipped")
        board.expect("too many permissions; skipped")
        board.expect("hello, 2 of 5")
