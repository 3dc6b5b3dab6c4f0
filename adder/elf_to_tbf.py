"""Makes Tock binaries (TBF) from ELF files.

What goes into the TBF, in this order: the header, a trailer if one is asked for, the ELF file's
loadable segments by physical address, the relocations of its initialised data (u32 length, then
(offset, info) pairs that the app's start-up code applies), and a footer of reserved space that
brings the size to a power of two, as the memory protection unit wants it.

What the linker script may say: the symbols `_flash_origin` and `_sram_origin` (where flash and
RAM were linked; position-independent apps have 0x80000000 and 0), a section `.stack` as large as
the stack, sections named `.wfr…` for flash that the app writes, and a section `.app_argument`
that receives the text of `--argument`.
"""

import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from adder.tbf import (
    PIC_FLASH,
    SMALLEST_TBF,
    Credentials,
    FixedAddresses,
    Header,
    KernelVersion,
    Main,
    PackageName,
    Permissions,
    Program,
    ShortId,
    StoragePermissions,
    Tbf,
    TbfError,
    Tlv,
    WriteableFlashRegions,
    align4,
    make_tab,
    u32,
)

ARGUMENT_SECTION = ".app_argument"
TOCK_2 = KernelVersion(2, 0)


@dataclass(frozen=True)
class Options:
    """What a TBF says that its ELF file does not know."""

    name: str
    argument: str | None = None
    stack: int | None = None
    """Bytes of stack to count; None = the size of the ELF's section `.stack`."""
    app_heap: int = 1024
    kernel_heap: int = 1024
    permissions: Permissions | None = None
    storage: StoragePermissions | None = None
    kernel_version: KernelVersion | None = TOCK_2
    short_id: ShortId | None = None
    app_version: int = 0
    enabled: bool = True
    sticky: bool = False
    protected_trailer: int | None = None
    """None = as many bytes as put an app with a fixed address at a multiple of 256."""
    program_header: bool = True
    minimum_footer: int = 0


@dataclass
class _Section:
    name: str
    address: int
    size: int
    writeable: bool
    in_file: bool


@dataclass
class _Elf:
    """What an ELF file contributes: flash contents and some numbers."""

    flash_start: int
    flash: bytearray
    entry: int
    ram_start: int
    static_ram: int
    """Bytes of RAM up to the end of static data, without the stack."""
    stack: int
    relocations: bytes
    sections: list[_Section]

    @property
    def is_position_independent(self) -> bool:
        return self.flash_start == PIC_FLASH


SHF_WRITE = 1
SHF_ALLOC = 2
SHF_COMPRESSED = 0x800
PF_X = 1

# ELF for the Arm architecture, 4.6.1: relocations that leave an address in a word of data.
_ABSOLUTE_RELOCATIONS = {2, 38}  # R_ARM_ABS32, R_ARM_TARGET1
_LARGEST_FLASH = 16 * 1024 * 1024


def _read_elf(data: bytes) -> _Elf:
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        return _read_arm_elf(ELFFile(io.BytesIO(data)))
    except TbfError:
        raise
    except ELFError as error:
        raise TbfError(f"Not a usable ELF file: {error or 'it is malformed'}.") from error
    except Exception as error:
        # The ELF library trusts the file's numbers and fails in many ways on bad ones.
        raise TbfError(f"Not a usable ELF file: it is malformed ({error}).") from error


def _read_arm_elf(elf: Any) -> _Elf:
    if elf["e_machine"] != "EM_ARM" or elf["e_type"] != "ET_EXEC":
        raise TbfError("Not a linked program for Arm.")
    loaded = sorted(
        (s for s in elf.iter_segments("PT_LOAD") if s["p_filesz"] > 0),
        key=lambda segment: int(segment["p_paddr"]),
    )
    symbols = {}
    table = elf.get_section_by_name(".symtab")
    if table is not None:
        for symbol in table.iter_symbols():
            if symbol.name in ("_flash_origin", "_sram_origin"):
                symbols[symbol.name] = int(symbol["st_value"])

    sections = []
    relocations = b""
    for section in elf.iter_sections():
        if not section["sh_flags"] & SHF_ALLOC or section["sh_size"] == 0:
            continue
        entry = _Section(
            section.name,
            section["sh_addr"],
            section["sh_size"],
            writeable=bool(section["sh_flags"] & SHF_WRITE),
            in_file=section["sh_type"] != "SHT_NOBITS",
        )
        sections.append(entry)
        rel = elf.get_section_by_name(".rel" + section.name)
        if rel is not None and entry.writeable and entry.in_file:
            if rel["sh_type"] != "SHT_REL" or rel["sh_flags"] & SHF_COMPRESSED:
                raise TbfError(f"{rel.name} does not hold relocations.")
            relocations += _data_relocations(rel.data(), section.name)

    flash_start = symbols.get("_flash_origin")
    if flash_start is None:
        # A segment may begin before its first section, so it is the sections that count.
        starts = [
            segment["p_paddr"] + section.address - segment["p_vaddr"]
            for segment in loaded
            for section in sections
            if segment["p_flags"] & PF_X
            and section.in_file
            and 0 <= section.address - segment["p_vaddr"] < segment["p_filesz"]
        ]
        if not starts:
            raise TbfError("The ELF file has no executable segment.")
        flash_start = PIC_FLASH if PIC_FLASH in starts else min(starts)

    flash = bytearray()
    for segment in loaded:
        contents = segment.data()
        offset = segment["p_paddr"] - flash_start
        if offset < 0:  # the linker may start a segment, with nothing in it, before the flash
            contents = contents[-offset:]
            offset = 0
        if offset + len(contents) > _LARGEST_FLASH:
            raise TbfError(f"A segment lies at {segment['p_paddr']:#x}, far from the others.")
        if not contents:
            continue
        if offset < len(flash):
            raise TbfError("Two segments of the ELF file overlap.")
        flash += bytes(offset - len(flash)) + contents

    stack = next((s.size for s in sections if s.name == ".stack"), 2048)
    ram_start = symbols.get("_sram_origin", 0)
    in_ram = [s for s in sections if s.writeable and ".wfr" not in s.name and s.name != ".stack"]
    if "_sram_origin" in symbols:
        ends = [s.address + s.size for s in in_ram]
        static_ram = max(max(ends, default=0) - ram_start - stack, 0)
    else:
        static_ram = sum(s.size for s in in_ram)
    return _Elf(flash_start, flash, elf["e_entry"], ram_start, static_ram, stack, relocations, sections)


def _data_relocations(data: bytes, section: str) -> bytes:
    """The entries that crt0 must apply; each patches a word at an offset in RAM."""
    out = b""
    for offset, info in struct.iter_unpack("<II", data):
        kind = info & 0xFF
        if kind == 0:  # R_ARM_NONE
            continue
        if kind not in _ABSOLUTE_RELOCATIONS:
            raise TbfError(f"{section} holds a relocation of type {kind}, which is no address.")
        out += struct.pack("<II", offset, info)
    return out


def elf_to_tbf(data: bytes, options: Options) -> Tbf:
    """Make a TBF from the ELF file `data`."""
    elf = _read_elf(data)
    if options.argument is not None:
        _write_argument(elf, options.argument)

    flash_end = elf.flash_start + len(elf.flash)
    regions = [
        section
        for section in elf.sections
        if ".wfr" in section.name and elf.flash_start <= section.address and section.address + section.size <= flash_end
    ]
    fixed_flash = None if elf.is_position_independent else elf.flash_start
    fixed_ram = elf.ram_start or None
    stack = elf.stack if options.stack is None else options.stack
    min_ram = align4(elf.static_ram) + (stack + 7 & ~7)
    min_ram += align4(options.app_heap) + align4(options.kernel_heap)

    def header(trailer: int, binary_end: int, total_size: int, region_base: int) -> Header:
        # bit 0 of the entry point, which says Thumb, is kept
        entry = elf.entry - elf.flash_start + trailer
        tlvs: list[Tlv] = [Main(entry, trailer, u32(min_ram, "minimum RAM"))]
        if options.program_header:
            version = u32(options.app_version, "app version")
            tlvs.append(Program(entry, trailer, min_ram, binary_end, version))
        if regions:
            pairs = ((region_base + s.address - elf.flash_start, s.size) for s in regions)
            tlvs.append(WriteableFlashRegions(tuple(pairs)))
        tlvs.append(PackageName(options.name))
        if fixed_flash is not None or fixed_ram is not None:
            tlvs.append(FixedAddresses(fixed_ram, fixed_flash))
        optional = (options.permissions, options.storage, options.kernel_version, options.short_id)
        tlvs += [tlv for tlv in optional if tlv is not None]
        return Header(total_size, tuple(tlvs), options.enabled, options.sticky)

    if not elf.flash_start <= elf.entry & ~1 < flash_end:
        raise TbfError(f"The entry point {elf.entry:#x} is outside the program.")
    header_size = header(0, 0, 0, 0).size
    if options.protected_trailer is not None:
        trailer = align4(options.protected_trailer)
    elif fixed_flash is not None:
        trailer = fixed_flash % 256 - header_size
        if trailer < 0:
            raise TbfError(
                f"The header needs {header_size} bytes, but only {fixed_flash % 256} lie between a "
                f"multiple of 256 and the address {fixed_flash:#x} that the app is linked for; "
                "link it for another address or give --protected-trailer."
            )
    else:
        trailer = 0
    start = header_size + trailer

    binary = bytes(elf.flash)
    if len(binary) % 4:
        raise TbfError("The size of the program is not a multiple of 4.")
    binary += struct.pack("<I", len(elf.relocations)) + elf.relocations
    used = start + len(binary)
    minimum = max(options.minimum_footer, 8) if options.minimum_footer else 0
    total = max(SMALLEST_TBF, 1 << (used + minimum - 1).bit_length())
    footers: tuple[Tlv, ...] = ()
    padding = b""
    if options.program_header:
        if total - used == 4:  # too little for a footer: make it part of the program
            binary += bytes(4)
        footers = tuple(reserved_space(total - start - len(binary)))
    else:
        if options.minimum_footer:
            raise TbfError("Footers need the Program header.")
        binary += bytes(total - used)
    final = header(trailer, start + len(binary), total, start)
    return Tbf(final, bytes(trailer), binary, footers, padding)


def reserved_space(size: int) -> Iterator[Credentials]:
    """Footers that fill `size` bytes, to be replaced by credentials later."""
    overhead = 8  # type, length, format
    largest = 0xFFFC - 4
    while size:
        data = min(size - overhead, largest)
        if 0 < size - overhead - data < overhead:
            data -= overhead  # leave room for one more
        yield Credentials(0, bytes(data))
        size -= overhead + data


def _write_argument(elf: _Elf, argument: str) -> None:
    section = next((s for s in elf.sections if s.name == ARGUMENT_SECTION), None)
    if section is None:
        raise TbfError(f"The app takes no argument: it has no section {ARGUMENT_SECTION}.")
    text = argument.encode() + b"\0"
    if len(text) > section.size:
        raise TbfError(f"The argument has {len(text) - 1} bytes; at most {section.size - 1} fit.")
    at = section.address - elf.flash_start
    elf.flash[at : at + section.size] = text.ljust(section.size, b"\0")


# ---------------------------------------------------------------------------- the verb


class _Number(click.ParamType[int]):
    """An integer in any of Python's notations."""

    name = "number"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        if isinstance(value, int):
            return value
        try:
            number = int(value, 0)
        except ValueError:
            self.fail(f"{value!r} is not a number.", param, ctx)
        if not 0 <= number <= 0xFFFFFFFF:
            self.fail(f"{value} does not fit in 32 bits.", param, ctx)
        return number


_NUMBER = _Number()
_FILE = click.Path(dir_okay=False, path_type=Path)


def parse_permissions(texts: Sequence[str]) -> Permissions | None:
    """Permissions from texts such as `0x2:0,1-3`; None, which allows everything, from no text."""
    if not texts:
        return None
    allowed: dict[int, set[int]] = {}
    for text in texts:
        driver_text, _, commands_text = text.partition(":")
        try:
            commands = allowed.setdefault(u32(int(driver_text, 0), "driver number"), set())
            for part in filter(None, commands_text.split(",")):
                first, _, last = part.partition("-")
                low, high = int(first, 0), int(last or first, 0)
                if not 0 <= low <= high <= 0xFFFF:
                    raise ValueError
                commands.update(range(low, high + 1))
        except ValueError:
            raise TbfError(f"{text!r} is not a permission; write DRIVER:COMMANDS, as in 0x2:0,1-3.") from None
    return Permissions.of(allowed)


def parse_kernel_version(text: str) -> KernelVersion | None:
    """A kernel version from `MAJOR.MINOR`, or None from `none`."""
    if text == "none":
        return None
    major, _, minor = text.partition(".")
    try:
        version = KernelVersion(int(major), int(minor or "0"))
        version.encode()
    except (ValueError, struct.error):
        raise TbfError(f"{text!r} is not a kernel version; write it as 2.0, or none.") from None
    return version


@click.command("tbf")
@click.argument("elf", type=_FILE)
@click.option("-o", "--output", type=_FILE, help="The TBF to write; otherwise next to ELF.")
@click.option("--tab", type=_FILE, help="Also write a TAB that holds it.")
@click.option("--name", help="Package name; ELF's name without .elf if absent.")
@click.option("--argument", metavar="TEXT", help="Text for the app's app_argument().")
@click.option("--stack", type=_NUMBER, help="Bytes of stack, if ELF has no section .stack.")
@click.option("--app-heap", type=_NUMBER, default=1024, show_default=True, help="Bytes of heap.")
@click.option("--kernel-heap", type=_NUMBER, default=1024, show_default=True, help="Bytes for grants.")
@click.option(
    "--permission",
    "permissions",
    metavar="DRIVER:COMMANDS",
    multiple=True,
    help="Allow only these, as 0x2:0,1-3; repeatable. All is allowed if there is none.",
)
@click.option("--write-id", type=_NUMBER, help="Storage: identifier of what the app writes.")
@click.option("--read-id", type=_NUMBER, multiple=True, help="Storage: may read this identifier's.")
@click.option("--modify-id", type=_NUMBER, multiple=True, help="Storage: may change this one's.")
@click.option("--kernel-version", default="2.0", show_default=True, help="Interface needed, or none.")
@click.option("--short-id", type=_NUMBER, help="A number, not 0, that identifies the app.")
@click.option("--app-version", type=_NUMBER, default=0, help="The app's own version.")
@click.option("--disable", is_flag=True, help="The kernel does not start it.")
@click.option("--sticky", is_flag=True, help="Tools do not remove it without force.")
@click.option("--protected-trailer", type=_NUMBER, help="Bytes to add after the header.")
@click.option("--no-program-header", is_flag=True, help="Only the old Main TLV, no footers.")
@click.option("--footer-size", type=_NUMBER, default=0, help="Reserve so many bytes of footer.")
def tbf_command(
    elf: Path,
    output: Path | None,
    tab: Path | None,
    name: str | None,
    argument: str | None,
    stack: int | None,
    app_heap: int,
    kernel_heap: int,
    permissions: tuple[str, ...],
    write_id: int | None,
    read_id: tuple[int, ...],
    modify_id: tuple[int, ...],
    kernel_version: str,
    short_id: int | None,
    app_version: int,
    disable: bool,
    sticky: bool,
    protected_trailer: int | None,
    no_program_header: bool,
    footer_size: int,
) -> None:
    """Make a Tock binary from an app's ELF file."""
    storage = None
    if write_id is not None or read_id or modify_id:
        storage = StoragePermissions(write_id or 0, read_id, modify_id)
    options = Options(
        name=elf.stem if name is None else name,
        argument=argument,
        stack=stack,
        app_heap=app_heap,
        kernel_heap=kernel_heap,
        permissions=parse_permissions(permissions),
        storage=storage,
        kernel_version=parse_kernel_version(kernel_version),
        short_id=None if short_id is None else ShortId.decode(struct.pack("<I", short_id)),
        app_version=app_version,
        enabled=not disable,
        sticky=sticky,
        protected_trailer=protected_trailer,
        program_header=not no_program_header,
        minimum_footer=footer_size,
    )
    try:
        made = elf_to_tbf(elf.read_bytes(), options)
    except TbfError as error:
        raise TbfError(f"{elf}: {error}") from error
    (output or elf.with_suffix(".tbf")).write_bytes(made.encode())
    if tab is not None:
        tab.write_bytes(make_tab([made]))
