"""What Tock's elf2tab 0.14 makes of an ELF file, from its documented rules; and each way in which we want to differ.

Written from what elf2tab does, with an ELF reader of its own: it shares nothing with `adder tbf` but the format.
`convert(elf, …)` gives elf2tab's bytes; with `wanted`, those with these differences:
"""

import struct
from collections.abc import Collection
from dataclasses import dataclass, field

DIFFERENCES = {
    "constants": "a position-independent program begins at a multiple of its largest alignment",
    "words": "what follows the program and its relocations begins at a multiple of 4",
    "RAM": "RAM is counted by sections: a stack with one counts once, what is written in flash and gaps do not",
    "flash": "what is written but lies in flash has no relocations, which only RAM could have",
    "first section": "a program that says no _flash_origin begins with its first section, not with its first segment",
    "smallest": "an app has 512 bytes at least, also if it would be a smaller power of two by itself",
    "none": "relocations that say nothing (R_ARM_NONE) are left out",
}

W, A, X = 1, 2, 4  # SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR
PIC = 0x80000000


@dataclass
class Sect:
    name: str
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    align: int


@dataclass
class Segment:
    kind: int
    offset: int
    vaddr: int
    paddr: int
    filesz: int
    memsz: int
    flags: int


@dataclass
class Elf:
    data: bytes
    entry: int = 0
    segments: list[Segment] = field(default_factory=list)
    sections: list[Sect] = field(default_factory=list)
    symbols: dict[str, int] = field(default_factory=dict)

    def of(self, section: Sect) -> bytes:
        return self.data[section.offset : section.offset + section.size]


def text_at(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode()


def parse(data: bytes) -> Elf:
    elf = Elf(data)
    elf.entry, phoff, shoff = struct.unpack_from("<III", data, 24)
    phnum, _, shnum, shstrndx = struct.unpack_from("<HHHH", data, 44)
    for n in range(phnum):
        kind, offset, vaddr, paddr, filesz, memsz, flags, _ = struct.unpack_from("<8I", data, phoff + 32 * n)
        elf.segments.append(Segment(kind, offset, vaddr, paddr, filesz, memsz, flags))
    raw = [struct.unpack_from("<10I", data, shoff + 40 * n) for n in range(shnum)]
    names = raw[shstrndx][4]
    for name, kind, flags, address, offset, size, link, _, align, _ in raw:
        elf.sections.append(Sect(text_at(data, names + name), kind, flags, address, offset, size, link, align))
    for section in elf.sections:
        if section.kind == 2:  # SHT_SYMTAB
            strings = elf.sections[section.link].offset
            for at in range(section.offset, section.offset + section.size, 16):
                name, value = struct.unpack_from("<II", data, at)
                elf.symbols.setdefault(text_at(data, strings + name), value)
    return elf


def inside(section: Sect, segment: Segment) -> bool:
    """elf2tab's section_in_segment, for PT_LOAD."""
    if not section.flags & A:
        return False
    low = section.address - segment.vaddr
    if not (low >= 0 and low + section.size <= segment.memsz and low <= segment.memsz - 1):
        return False
    if section.kind == 8:  # SHT_NOBITS
        return True
    low = section.offset - segment.offset
    return low >= 0 and low + section.size <= segment.filesz and low <= segment.filesz - 1


def up(value: int, unit: int) -> int:
    return -(-value // unit) * unit


def tlv(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data.ljust(up(len(data), 4), b"\0")


def convert(
    data: bytes,
    name: str,
    *,
    footer: int = 0,
    kernel: tuple[int, int] | None = (2, 0),
    region: int | None = None,
    app_version: int = 0,
    wanted: Collection[str] = (),
) -> bytes:
    elf = parse(data)
    loaded = [segment for segment in elf.segments if segment.kind == 1]
    sections = [section for section in elf.sections if section.size]

    # Where it was linked for
    origin = elf.symbols.get("_flash_origin")
    if origin is None:
        code = [s for s in loaded if s.filesz and s.flags & 1 and any(inside(t, s) for t in sections)]
        pic = any(s.vaddr == PIC for s in code)
        starts = [s.paddr for s in code]
        if "first section" in wanted:
            starts = [s.paddr + t.address - s.vaddr for s in code for t in sections if inside(t, s) and t.kind != 8]
        fixed = None if pic else min(starts)
    else:
        pic, fixed = origin == PIC, None if origin == PIC else origin
    base = PIC if fixed is None else fixed
    ram = elf.symbols.get("_sram_origin", 0) or None
    end_of_flash = max(s.paddr + s.filesz for s in loaded if s.filesz)

    # RAM
    stack = next((s.size for s in elf.sections if s.name == ".stack"), 2048)
    in_flash = [t for t in sections if t.flags & W and t.flags & A and base <= t.address < end_of_flash]
    static = 0
    for s in loaded:
        if s.vaddr != s.paddr and s.memsz and s.flags & 2:
            static += s.memsz
    own = [t for t in sections if t.flags & W and t.flags & A and t.name != ".stack" and ".wfr" not in t.name]
    own = [t for t in own if t not in in_flash]
    if "RAM" in wanted:
        if "_sram_origin" in elf.symbols:
            static = max(max((t.address + t.size for t in own), default=0) - (ram or 0) - stack, 0)
        else:
            static = sum(t.size for t in own)
    min_ram = up(static, 4) + up(stack, 8) + 1024 + 1024

    def header(entry: int, trailer: int, end: int, total: int, wfr: list[tuple[int, int]]) -> bytes:
        out = tlv(1, struct.pack("<III", entry, trailer, min_ram))
        out += tlv(9, struct.pack("<IIIII", entry, trailer, min_ram, end, app_version))
        if wfr:
            out += tlv(2, b"".join(struct.pack("<II", *pair) for pair in wfr))
        if name:
            out += tlv(3, name.encode())
        if fixed is not None or ram is not None:
            out += tlv(
                5, struct.pack("<II", 0xFFFFFFFF if ram is None else ram, 0xFFFFFFFF if fixed is None else fixed)
            )
        if kernel is not None:
            out += tlv(8, struct.pack("<HH", *kernel))
        head = struct.pack("<HHII", 2, 16 + len(out), total, 1)
        checksum = 0
        for (word,) in struct.iter_unpack("<I", head + out):
            checksum ^= word
        return head + struct.pack("<I", checksum) + out

    regions = [t for t in sections if ".wfr" in t.name and any(inside(t, s) for s in loaded if s.filesz)]
    size = len(header(0, 0, 0, 0, [(0, 0)] * len(regions)))
    symbol = elf.symbols.get("tbf_protected_region_size", region)
    protected = symbol if symbol is not None else (size if fixed is None else fixed % 256)
    if "constants" in wanted and fixed is None and symbol is None:
        kept = [t.align for t in sections if t.flags & A and t.kind != 8 and base <= t.address < end_of_flash]
        protected = up(size, min(max([4, *kept]), 256))
    if protected < size:
        raise ValueError("no room for the header")

    # The program
    body, relocations, places, entry, last = b"", b"", [], None, None
    for s in loaded:
        if not s.filesz or s.paddr + s.filesz < base:
            continue
        cut = max(base - s.paddr, 0)
        start, content = s.paddr + cut, data[s.offset + cut : s.offset + s.filesz]
        if last is not None:
            body += bytes(start - last)
        at = protected + len(body)
        if start <= elf.entry < start + len(content):
            entry = at + elf.entry - start - size
        for t in sections:
            if not inside(t, s):
                continue
            skip = "flash" in wanted and t in in_flash
            for r in elf.sections:
                if t.flags & W and r.name == ".rel" + t.name and not skip:
                    pairs = struct.iter_unpack("<II", elf.of(r))
                    keep = (p for p in pairs if "none" not in wanted or p[1] & 0xFF)
                    relocations += b"".join(struct.pack("<II", *pair) for pair in keep)
            if ".wfr" in t.name:
                places.append((at - cut + t.address - s.vaddr, t.size))
        body += content
        last = start + len(content)
    body += struct.pack("<I", len(relocations)) + relocations
    if "words" in wanted:
        body += bytes(-(protected + len(body)) % 4)
    end = protected + len(body)

    # The footer
    used = end
    reserve = footer > 0
    if reserve:
        used += up(max(footer, 8), 4)
    total = used
    if used & used - 1 or ("smallest" in wanted and used < 512):
        total = max(1 << used.bit_length() if used & used - 1 else used, 512)
    left = total - end
    out = header(entry or 0, protected - size, end, total, places) + bytes(protected - size) + body
    if left >= 8:
        out += struct.pack("<HHI", 128, left - 4, 0) + bytes(left - 8)
    else:
        out += bytes(left)
    return out
