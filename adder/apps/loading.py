"""What the kernel will make of the app flash: which apps start, where their RAM will be, and why others do not.

This is the host's twin of the kernel's loader (firmware/kernel/loader.c, tbf.c and the part of process.c that finds
RAM), so that tools can refuse what cannot start. A test holds both against each other.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from adder.apps.tbf import (
    Damaged,
    Header,
    KernelVersion,
    PackageName,
    Permissions,
    PythonProgram,
    WriteableFlashRegions,
    walk,
)
from adder.board import Board, Region

KERNEL = KernelVersion(2, 2)
"""The interface of Tock's that the kernel speaks."""

LONGEST_NAME = 128
MOST_PERMISSIONS = 128
SMALLEST_GRANULE = 32
MOST_GRANULES = 16
"""The MPU covers a range of up to 16 equal pieces: two regions of eight."""


@dataclass(frozen=True)
class Verdict:
    """What becomes of one element of the list of apps."""

    address: int
    size: int
    """0: the list ends here."""
    header: Header | None
    """None: it cannot be read."""
    problem: str = ""
    """Why it is no process."""
    always: bool = False
    """Whether it could not start if it were alone, either."""
    ram: Region | None = None
    slot: int | None = None

    bad_header: bool = False
    """Whether the kernel skips it for its header, before it asks whether it is enabled."""


# ---------------------------------------------------------------------------- the header


def header_problem(header: Header, address: int) -> str:
    """What the kernel does not like in a header that can be read; empty if nothing."""
    for tlv in header.tlvs:
        if isinstance(tlv, KernelVersion) and (tlv.major != KERNEL.major or tlv.minor > KERNEL.minor):
            wanted, ours = f"{tlv.major}.{tlv.minor}", f"{KERNEL.major}.{KERNEL.minor}"
            return f"it is made for version {wanted} of the kernel's interface; this is {ours}"
        if isinstance(tlv, PythonProgram) and tlv.interpreter != PythonProgram.INTERPRETER:
            return f"it is made for version {tlv.interpreter} of the Python interpreter, not {tlv.INTERPRETER}"
        if isinstance(tlv, PackageName) and len(tlv.encode()) > LONGEST_NAME:
            return f"its name has more than {LONGEST_NAME} bytes"
        if isinstance(tlv, Permissions) and len(tlv.permissions) > MOST_PERMISSIONS:
            return f"it has more than {MOST_PERMISSIONS} permissions"
    python, program = header.find(PythonProgram), header.program
    if program is None:
        return ""
    size, end = header.size, header.binary_end
    if not size <= end <= header.total_size or program.protected_trailer_size > end - size:
        return "its program lies outside its own flash"
    if program.init_fn_offset >= end - size:
        return "its entry point lies outside its own flash"
    if python is not None and (python.stack % 8 or python.stack > program.min_ram):
        return "its interpreter's state lies outside its RAM"
    flash = header.fixed_addresses.flash
    if flash is not None and flash != address + header.protected_size:
        return f"it is linked for flash address {flash:#x}"
    writeable = header.find(WriteableFlashRegions)
    if writeable and any(offset + length > header.total_size for offset, length in writeable.regions):
        return "a region that it wants to write lies outside its flash"
    return ""


# ---------------------------------------------------------------------------- RAM


def round_up(value: int, unit: int) -> int:
    """The next multiple of `unit`."""
    return -(-value // unit) * unit


def granule_of(start: int, length: int) -> int | None:
    """The size of the pieces with which the MPU can cover a range; None if it cannot."""
    granule = SMALLEST_GRANULE
    while start % granule == 0 and length % granule == 0 and granule <= 0x10000000:
        if start % (8 * granule) // granule + length // granule <= MOST_GRANULES:
            return granule
        granule *= 2
    return None


def _overlap(one: Region, others: Iterable[Region]) -> Region | None:
    return next((other for other in others if one.start < other.end and other.start < one.end), None)


def _find_free(start: int, length: int, unit: int, taken: Sequence[Region]) -> int:
    while True:
        start = round_up(start, unit)
        hit = _overlap(Region(start, length), taken)
        if hit is None:
            return start
        start = hit.end


def find_ram(min_ram: int, fixed: int | None, taken: Sequence[Region], board: Board) -> Region | None:
    """The RAM that the kernel gives a program of which it has placed `taken` so far."""
    ram = process_ram(board)
    if min_ram > ram.size:
        return None
    granule = SMALLEST_GRANULE
    while granule <= ram.size:
        length = round_up(round_up(min_ram, granule) + board.process_extra_ram, granule)
        unit, granule = granule, granule * 2
        if length // unit > MOST_GRANULES:
            continue
        if fixed is None:
            start = _find_free(ram.start, length, unit, taken)
            if not _covered(start, length, unit):
                start = _find_free(ram.start, length, 8 * unit, taken)
        elif fixed % unit or not _covered(fixed, length, unit):
            continue
        else:
            start = fixed
        if not ram.start <= start <= ram.end - length:
            continue
        block = Region(start, length)
        return None if _overlap(block, taken) else block
    return None


def _covered(start: int, length: int, unit: int) -> bool:
    return start % (8 * unit) // unit + length // unit <= MOST_GRANULES


def process_ram(board: Board) -> Region:
    """The RAM that the kernel leaves to processes; all of it if no kernel has been built."""
    kernel = board.build / "kernel.elf"
    start = _kernel_end(kernel, kernel.stat().st_mtime_ns) if kernel.is_file() else None
    start = board.ram.start if start is None or start not in board.ram else start
    return Region(start, board.ram.end - start)


@cache
def _kernel_end(kernel: Path, _changed: int) -> int | None:
    from adder.symbols import find_symbol

    return find_symbol(kernel, "_process_ram_start")


# ---------------------------------------------------------------------------- the list


def load(flash: bytes, board: Board) -> list[Verdict]:
    """What the kernel does with this app flash, in the order of addresses."""
    found = [_read(board.app_flash.start + offset, element) for offset, element in walk(flash)]
    taken: list[Region] = []
    slots = 0
    for fixed in (True, False):
        for number, verdict in enumerate(found):
            header = verdict.header
            if header is None or verdict.problem or header.program is None or not header.enabled:
                continue
            if (header.fixed_addresses.ram is not None) != fixed:
                continue
            found[number] = verdict = _start(verdict, header, slots, taken, board)
            if verdict.ram is not None:
                taken.append(verdict.ram)
                slots += 1
    return found


def _read(address: int, element: Header | Damaged) -> Verdict:
    if isinstance(element, Damaged):
        return Verdict(address, element.size, None, element.problem, always=True, bad_header=True)
    problem = header_problem(element, address)
    return Verdict(address, element.total_size, element, problem, bool(problem), bad_header=bool(problem))


def _start(verdict: Verdict, header: Header, slot: int, taken: Sequence[Region], board: Board) -> Verdict:
    assert header.program is not None
    if slot == board.max_processes:
        return replace(verdict, problem=f"all {slot} process slots are in use")
    if granule_of(verdict.address, verdict.size) is None:
        return replace(verdict, problem="the MPU cannot cover its flash", always=True)
    fixed, need = header.fixed_addresses.ram, header.program.min_ram
    ram = find_ram(need, fixed, taken, board)
    if ram is not None:
        return replace(verdict, ram=ram, slot=slot)
    alone = find_ram(need, fixed, (), board)
    return replace(verdict, problem=_ram_problem(need, fixed, alone, board), always=alone is None)


def _ram_problem(need: int, fixed: int | None, alone: Region | None, board: Board) -> str:
    """Why a program found no RAM; `alone` is what it would have if no other were there."""
    ram = process_ram(board)
    size = round_up(need, SMALLEST_GRANULE) + board.process_extra_ram
    where = f"apps have {ram.size:,} bytes, {ram.start:#x} to {ram.end:#x}"
    if alone is not None:
        return "the RAM that it is linked for is another app's" if fixed is not None else "there is no RAM left for it"
    if fixed is None or size > ram.size:
        reason = "" if size > ram.size else ", and the MPU covers none of that size between where these begin and end"
        return f"it needs {size:,} bytes of RAM, {board.process_extra_ram:,} of them for the kernel; {where}{reason}"
    if fixed < ram.start and fixed in board.ram:
        return f"it is linked for RAM at {fixed:#x}, which is the kernel's; {where}"
    if fixed not in ram or fixed + size > ram.end:
        return f"it is linked for RAM at {fixed:#x} to {fixed + size:#x}; {where}"
    return f"it is linked for RAM at {fixed:#x}, which the MPU cannot open for {need:,} bytes"


def conflicts(flash: bytes, board: Board) -> Iterator[tuple[Verdict, str]]:
    """The apps that cannot start with the others there, and why; apps that only came too late are none of them."""
    verdicts = load(flash, board)
    holders = [verdict for verdict in verdicts if verdict.ram is not None]  # no more than there are slots
    for verdict in verdicts:
        header = verdict.header
        if header is None or header.program is None or not verdict.problem:
            continue
        if verdict.always:
            yield verdict, verdict.problem
        elif header.fixed_addresses.ram is not None:
            other = _holder(header, holders, board)
            if other is not None:
                yield verdict, f"the RAM that it is linked for, {header.fixed_addresses.ram:#x}, is {other}'s"


def _holder(header: Header, holders: Sequence[Verdict], board: Board) -> str | None:
    assert header.program is not None
    alone = find_ram(header.program.min_ram, header.fixed_addresses.ram, (), board)
    for other in holders:
        if alone is not None and other.header is not None and other.ram is not None and _overlap(alone, [other.ram]):
            return other.header.title
    return None
