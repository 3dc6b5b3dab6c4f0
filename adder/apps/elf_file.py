"""What an app's ELF file says: flash contents, RAM, where it must lie.

What the linker script may say: the symbols `_flash_origin` and `_sram_origin` (where flash and RAM were linked;
position-independent apps have 0x80000000 and 0), `tbf_protected_region_size` (the bytes between the beginning of the
TBF and the program), and a section `.stack` as large as the stack. Sections named `.wfr…` are flash that the app
writes.
"""

import struct
from bisect import bisect_left
from dataclasses import dataclass
from typing import Any

from adder.apps.tbf import PIC_FLASH, TbfError
from adder.elf import elf_in
from adder.errors import AdderError
from adder.text import MEGABYTE

SHF_WRITE = 1
SHF_ALLOC = 2
SHF_COMPRESSED = 0x800
PF_X = 1

# ELF for the Arm architecture, 4.6.1: relocations that leave an address in a word of data.
ABSOLUTE_RELOCATIONS = {2, 38}  # R_ARM_ABS32, R_ARM_TARGET1
LARGEST_FLASH = 16 * MEGABYTE
LARGEST_ALIGNMENT = 256
"""Constants that want more are left as they are: the header would waste too much."""

DEFAULT_STACK = 2048
SYMBOLS = ("_flash_origin", "_sram_origin", "tbf_protected_region_size")
CRT0_HEADER = struct.Struct("<10I")


@dataclass(frozen=True)
class Section:
    """A part of the program that is in flash or RAM when it runs."""

    name: str
    address: int
    size: int
    writeable: bool
    in_file: bool
    alignment: int


@dataclass
class AppElf:
    """What an ELF file contributes: flash contents and some numbers."""

    flash_start: int
    flash: bytearray
    entry: int
    ram_start: int
    static_ram: int
    """Bytes of RAM up to the end of static data, without the stack."""
    stack: int
    relocations: bytes
    sections: list[Section]
    protected_size: int | None
    """What the symbol tbf_protected_region_size says."""

    @property
    def is_position_independent(self) -> bool:
        return self.flash_start == PIC_FLASH

    @property
    def flash_end(self) -> int:
        return self.flash_start + len(self.flash)

    @property
    def alignment(self) -> int:
        """What the address of the program must be a multiple of, so that its constants lie as they want to."""
        wanted = [s.alignment for s in self.sections if s.in_file and self.in_flash(s)]
        return min(max(wanted, default=4), LARGEST_ALIGNMENT)

    def in_flash(self, section: Section) -> bool:
        """Whether a section stays in flash when the program runs."""
        return self.flash_start <= section.address < self.flash_end

    def misplaced_relocations(self) -> str | None:
        """The section that lies where start-up code of libtock-c's kind expects the relocations; None if all is well.

        Its header of ten words says at which offset: directly behind what is known to the linker script. A
        section that the script does not know may come to lie there.
        """
        if not self.is_position_independent or len(self.flash) < CRT0_HEADER.size:
            return None
        words = CRT0_HEADER.unpack_from(self.flash)
        expected, stack = words[8], words[9]
        if stack != self.stack or not CRT0_HEADER.size <= expected < len(self.flash):
            return None
        address = self.flash_start + expected
        return next((s.name for s in self.sections if s.address <= address < s.address + s.size), "something")


def read_elf(data: bytes) -> AppElf:
    """Read an app's ELF file; whatever is wrong with it, `TbfError` says so."""
    try:
        with elf_in(data, "The file") as elf:
            return _read_arm_elf(elf)
    except TbfError:
        raise
    except AdderError as error:
        raise TbfError(str(error)) from error


def _read_arm_elf(elf: Any) -> AppElf:
    if elf["e_machine"] != "EM_ARM" or elf["e_type"] != "ET_EXEC":
        raise TbfError("Not a linked program for Arm.")
    loaded = sorted(
        (s for s in elf.iter_segments("PT_LOAD") if s["p_filesz"] > 0), key=lambda segment: int(segment["p_paddr"])
    )
    symbols = {}
    table = elf.get_section_by_name(".symtab")
    if table is not None:
        for symbol in table.iter_symbols():
            if symbol.name in SYMBOLS:
                symbols[symbol.name] = int(symbol["st_value"])

    sections = [
        Section(
            section.name,
            section["sh_addr"],
            section["sh_size"],
            writeable=bool(section["sh_flags"] & SHF_WRITE),
            in_file=section["sh_type"] != "SHT_NOBITS",
            alignment=max(section["sh_addralign"], 1),
        )
        for section in elf.iter_sections()
        if section["sh_flags"] & SHF_ALLOC and section["sh_size"]
    ]
    flash_start = symbols.get("_flash_origin")
    if flash_start is None:
        flash_start = _flash_start(loaded, sections)

    stack = next((s.size for s in sections if s.name == ".stack"), DEFAULT_STACK)
    made = AppElf(
        flash_start=flash_start,
        flash=_flash(loaded, flash_start),
        entry=elf["e_entry"],
        ram_start=symbols.get("_sram_origin", 0),
        static_ram=0,
        stack=stack,
        relocations=b"",
        sections=sections,
        protected_size=symbols.get("tbf_protected_region_size"),
    )
    in_ram = [s for s in sections if s.writeable and not made.in_flash(s)]
    patched = {section.name: section for section in in_ram if section.in_file}  # those of one name have one list
    made.relocations = b"".join(_relocations(elf, section) for section in patched.values())
    static = [s for s in in_ram if ".wfr" not in s.name and s.name != ".stack"]
    if "_sram_origin" in symbols:
        made.static_ram = max(max((s.address + s.size for s in static), default=0) - made.ram_start - stack, 0)
    else:
        made.static_ram = sum(s.size for s in static)
    return made


def _flash_start(loaded: list[Any], sections: list[Section]) -> int:
    """Where the program begins: a segment may do so before its first section, so it is the sections that count."""
    addresses = sorted({section.address for section in sections if section.in_file})
    starts = []
    for segment in loaded:
        if not segment["p_flags"] & PF_X:
            continue
        begin, moved = segment["p_vaddr"], segment["p_paddr"] - segment["p_vaddr"]
        first = bisect_left(addresses, begin)
        pic = bisect_left(addresses, max(PIC_FLASH - moved, begin))
        for at in (first, pic):
            if at < len(addresses) and addresses[at] < begin + segment["p_filesz"]:
                starts.append(addresses[at] + moved)
    if not starts:
        raise TbfError("The ELF file has no executable segment.")
    return PIC_FLASH if PIC_FLASH in starts else min(starts)


def _flash(loaded: list[Any], flash_start: int) -> bytearray:
    flash = bytearray()
    for segment in loaded:
        contents = segment.data()
        offset = segment["p_paddr"] - flash_start
        if offset < 0:  # the linker may start a segment, with nothing in it, before the flash
            contents = contents[-offset:]
            offset = 0
        if offset + len(contents) > LARGEST_FLASH:
            raise TbfError(f"A segment lies at {segment['p_paddr']:#x}, far from the others.")
        if not contents:
            continue
        if offset < len(flash):
            raise TbfError("Two segments of the ELF file overlap.")
        flash += bytes(offset - len(flash)) + contents
    return flash


def _relocations(elf: Any, section: Section) -> bytes:
    """The entries that crt0 must apply to a section; each patches a word at an offset in RAM."""
    rel = elf.get_section_by_name(".rel" + section.name)
    if rel is None:
        return b""
    if rel["sh_type"] != "SHT_REL" or rel["sh_flags"] & SHF_COMPRESSED:
        raise TbfError(f"{rel.name} does not hold relocations.")
    out = b""
    for offset, info in struct.iter_unpack("<II", rel.data()):
        kind = info & 0xFF
        if kind == 0:  # R_ARM_NONE
            continue
        if kind not in ABSOLUTE_RELOCATIONS:
            raise TbfError(f"{section.name} holds a relocation of type {kind}, which is no address.")
        out += struct.pack("<II", offset, info)
    return out
