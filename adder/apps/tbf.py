"""Tock binaries (TBF, version 2) and app bundles (TAB): read, write, show.

A TBF is a header, the program, and footers:

    16 bytes    u16 version = 2, u16 header size, u32 total size, u32 flags, u32 checksum
    TLVs        u16 type, u16 length, data padded to 4: see the classes below
    trailer     optional bytes that the process cannot read, like the header
    program     flash contents of the ELF file, then u32 length + the relocations of its data
    footers     TLVs from `binary_end_offset` to the total size: credentials, reserved space

The checksum is the exclusive or of all other words of the header. Everything is little-endian.
A TAB is a plain tar file: `metadata.toml` and one TBF for each architecture.

Reading never trusts a length or an offset: whatever is wrong with a file, `TbfError` says so.
"""

import io
import struct
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Protocol, Self, TypeVar

import click

from adder.apps.archive import ArchiveError, files_in, is_tar
from adder.errors import AdderError
from adder.files import write_bytes
from adder.text import MEGABYTE, printable, read_file
from adder.toml import TomlError, read_toml

VERSION = 2
BASE_SIZE = 16
NO_ADDRESS = 0xFFFFFFFF
FLAG_ENABLED = 1
FLAG_STICKY = 2
SMALLEST_TBF = 512
"""Tock's tools make an app for Cortex-M a power of two in size, and no smaller than this."""

LARGEST_TAB = 64 * MEGABYTE
LARGEST_METADATA = 16 << 10
GZIP = b"\x1f\x8b"

PIC_FLASH = 0x80000000
"""Where position-independent apps are linked; RAM is then at 0."""


class TbfError(AdderError):
    """A TBF or TAB that is malformed, or cannot be made."""


def u32(value: int, what: str) -> int:
    """`value`, which must fit in 32 bits."""
    if not 0 <= value <= 0xFFFFFFFF:
        raise TbfError(f"The {what} {value} does not fit in 32 bits.")
    return value


def align4(value: int) -> int:
    """`value` rounded up to a multiple of 4."""
    return value + 3 & ~3


def _unpack(layout: str, data: bytes, what: str) -> tuple[Any, ...]:
    if len(data) != struct.calcsize(layout):
        raise TbfError(f"The {what} TLV has {len(data)} bytes, not {struct.calcsize(layout)}.")
    return struct.unpack(layout, data)


# ---------------------------------------------------------------------------- the TLVs


class Tlv(Protocol):
    """One element of a header or footer."""

    @property
    def type(self) -> int: ...

    def encode(self) -> bytes:
        """The data, without type, length and padding."""
        ...

    def describe(self) -> list[tuple[str, str]]:
        """Names and values for people."""
        ...


class _Numbered:
    """A TLV whose type is a constant of its class."""

    TYPE: ClassVar[int]

    @property
    def type(self) -> int:
        return self.TYPE


@dataclass(frozen=True)
class Main(_Numbered):
    """Where the program starts, for kernels before 2.1."""

    TYPE: ClassVar[int] = 1
    init_fn_offset: int
    """Entry point, from the end of the header (not of the trailer); bit 0 is Thumb's."""
    protected_trailer_size: int
    min_ram: int

    def encode(self) -> bytes:
        return struct.pack("<III", self.init_fn_offset, self.protected_trailer_size, self.min_ram)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        return cls(*_unpack("<III", data, "Main"))

    def describe(self) -> list[tuple[str, str]]:
        return [
            ("entry point", f"header + {self.init_fn_offset:#x}"),
            ("protected trailer", f"{self.protected_trailer_size} bytes"),
            ("minimum RAM", f"{self.min_ram} bytes"),
        ]


@dataclass(frozen=True)
class Program(_Numbered):
    """As Main, with where the footers begin; it wins over Main."""

    TYPE: ClassVar[int] = 9
    init_fn_offset: int
    protected_trailer_size: int
    min_ram: int
    binary_end_offset: int
    app_version: int = 0

    def encode(self) -> bytes:
        return struct.pack(
            "<IIIII",
            self.init_fn_offset,
            self.protected_trailer_size,
            self.min_ram,
            self.binary_end_offset,
            self.app_version,
        )

    @classmethod
    def decode(cls, data: bytes) -> Self:
        return cls(*_unpack("<IIIII", data, "Program"))

    def describe(self) -> list[tuple[str, str]]:
        return [
            ("entry point", f"header + {self.init_fn_offset:#x}"),
            ("protected trailer", f"{self.protected_trailer_size} bytes"),
            ("minimum RAM", f"{self.min_ram} bytes"),
            ("program ends at", f"{self.binary_end_offset:#x}"),
            ("app version", str(self.app_version)),
        ]


@dataclass(frozen=True)
class WriteableFlashRegions(_Numbered):
    """Parts of its flash that the app wants to write: (offset from the TBF's start, size)."""

    TYPE: ClassVar[int] = 2
    regions: tuple[tuple[int, int], ...]

    def encode(self) -> bytes:
        return b"".join(struct.pack("<II", *region) for region in self.regions)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        if len(data) % 8:
            raise TbfError("The WriteableFlashRegions TLV is not a list of pairs.")
        return cls(tuple((o, s) for o, s in struct.iter_unpack("<II", data)))

    def describe(self) -> list[tuple[str, str]]:
        return [("writeable flash", f"{size} bytes at {o:#x}") for o, size in self.regions]


@dataclass(frozen=True)
class PackageName(_Numbered):
    """The app's name."""

    TYPE: ClassVar[int] = 3
    name: str

    def encode(self) -> bytes:
        return self.name.encode(errors="surrogateescape")

    @classmethod
    def decode(cls, data: bytes) -> Self:
        return cls(data.decode(errors="surrogateescape"))  # the kernel does not mind bytes that are no UTF-8

    def describe(self) -> list[tuple[str, str]]:
        return [("name", self.name)]


@dataclass(frozen=True)
class FixedAddresses(_Numbered):
    """The addresses that the app was linked for; None = any."""

    TYPE: ClassVar[int] = 5
    ram: int | None
    flash: int | None

    def encode(self) -> bytes:
        return struct.pack("<II", *(NO_ADDRESS if a is None else a for a in (self.ram, self.flash)))

    @classmethod
    def decode(cls, data: bytes) -> Self:
        ram, flash = _unpack("<II", data, "FixedAddresses")
        return cls(None if ram == NO_ADDRESS else ram, None if flash == NO_ADDRESS else flash)

    def describe(self) -> list[tuple[str, str]]:
        return [
            ("fixed RAM", "any" if self.ram is None else f"{self.ram:#010x}"),
            ("fixed flash", "any" if self.flash is None else f"{self.flash:#010x}"),
        ]


@dataclass(frozen=True)
class Permission:
    """Commands 64 * offset + bit of a driver are allowed for each bit set in the mask."""

    driver: int
    offset: int
    mask: int

    def commands(self) -> list[int]:
        return [64 * self.offset + bit for bit in range(64) if self.mask >> bit & 1]

    def describe(self) -> str:
        """The commands, for people."""
        if self.mask == (1 << 64) - 1:
            return f"commands {64 * self.offset} to {64 * self.offset + 63}"
        return "commands " + ", ".join(map(str, self.commands())) if self.mask else "no command"


@dataclass(frozen=True)
class Permissions(_Numbered):
    """The drivers and commands that the app may use; all of them if this TLV is absent."""

    TYPE: ClassVar[int] = 6
    permissions: tuple[Permission, ...]

    def encode(self) -> bytes:
        return struct.pack("<H", len(self.permissions)) + b"".join(
            struct.pack("<IIQ", p.driver, p.offset, p.mask) for p in self.permissions
        )

    @classmethod
    def decode(cls, data: bytes) -> Self:
        if len(data) < 2 or len(data) != 2 + 16 * struct.unpack_from("<H", data)[0]:
            raise TbfError("The Permissions TLV does not have the length that its count says.")
        return cls(tuple(Permission(*entry) for entry in struct.iter_unpack("<IIQ", data[2:])))

    @classmethod
    def of(cls, commands: dict[int, set[int]]) -> Self:
        """Permissions from the commands allowed for each driver."""
        entries = []
        for driver in sorted(commands):
            offsets = sorted({command // 64 for command in commands[driver]} or {0})
            for offset in offsets:
                bits = [c % 64 for c in commands[driver] if c // 64 == offset]
                entries.append(Permission(driver, offset, sum(1 << bit for bit in bits)))
        return cls(tuple(entries))

    def describe(self) -> list[tuple[str, str]]:
        return [(f"may use driver {p.driver:#x}", p.describe()) for p in self.permissions] or [("may use", "no driver")]


@dataclass(frozen=True)
class StoragePermissions(_Numbered):
    """The identifier that the app's records get, and those that it may read and change."""

    TYPE: ClassVar[int] = 7
    write_id: int
    read_ids: tuple[int, ...] = ()
    modify_ids: tuple[int, ...] = ()

    def encode(self) -> bytes:
        return struct.pack("<I", self.write_id) + b"".join(
            struct.pack(f"<H{len(ids)}I", len(ids), *ids) for ids in (self.read_ids, self.modify_ids)
        )

    @classmethod
    def decode(cls, data: bytes) -> Self:
        try:
            (write_id,) = struct.unpack_from("<I", data)
            (reads,) = struct.unpack_from("<H", data, 4)
            read_ids = struct.unpack_from(f"<{reads}I", data, 6)
            (modifies,) = struct.unpack_from("<H", data, 6 + 4 * reads)
            modify_ids = struct.unpack_from(f"<{modifies}I", data, 8 + 4 * reads)
        except struct.error:
            raise TbfError("The StoragePermissions TLV is cut short.") from None
        if len(data) != 8 + 4 * (reads + modifies):
            raise TbfError("The StoragePermissions TLV is longer than its counts say.")
        return cls(write_id, read_ids, modify_ids)

    def describe(self) -> list[tuple[str, str]]:
        def text(ids: tuple[int, ...]) -> str:
            return ", ".join(f"{i:#x}" for i in ids) or "none"

        return [
            ("storage: writes as", f"{self.write_id:#x}" if self.write_id else "nobody"),
            ("storage: may read", text(self.read_ids)),
            ("storage: may modify", text(self.modify_ids)),
        ]


@dataclass(frozen=True)
class KernelVersion(_Numbered):
    """The app needs this major version of the kernel's interface, and at least this minor one."""

    TYPE: ClassVar[int] = 8
    major: int
    minor: int

    def encode(self) -> bytes:
        return struct.pack("<HH", self.major, self.minor)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        return cls(*_unpack("<HH", data, "KernelVersion"))

    def describe(self) -> list[tuple[str, str]]:
        return [("kernel interface", f"{self.major}.{self.minor}")]


@dataclass(frozen=True)
class ShortId(_Numbered):
    """A number that identifies the app across updates; not 0."""

    TYPE: ClassVar[int] = 10
    value: int

    def encode(self) -> bytes:
        return struct.pack("<I", self.value)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        (value,) = _unpack("<I", data, "ShortId")
        if value == 0:
            raise TbfError("The short identifier is 0, which means none.")
        return cls(value)

    def describe(self) -> list[tuple[str, str]]:
        return [("short identifier", f"{self.value:#x}")]


@dataclass(frozen=True)
class PythonProgram(_Numbered):
    """The program is bytecode for the interpreter that the kernel shares with its processes."""

    TYPE: ClassVar[int] = 0x8001
    INTERPRETER: ClassVar[int] = 1
    EXECUTABLE_RAM: ClassVar[int] = 1
    stack: int
    """Bytes of C stack at the beginning of the program's RAM; a multiple of 8."""
    flags: int = 0
    """EXECUTABLE_RAM: machine code of the program's own may run in its RAM."""
    interpreter: int = INTERPRETER
    """The version of what the program and the interpreter agree on."""

    def encode(self) -> bytes:
        return struct.pack("<HHI", self.interpreter, self.flags, self.stack)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        interpreter, flags, stack = _unpack("<HHI", data, "Python")
        return cls(stack, flags, interpreter)

    def describe(self) -> list[tuple[str, str]]:
        return [
            ("Python interpreter", f"version {self.interpreter}"),
            ("Python stack", f"{self.stack} bytes"),
            ("runs code in RAM", "yes" if self.flags & self.EXECUTABLE_RAM else "no"),
        ]


@dataclass(frozen=True)
class Credentials(_Numbered):
    """A footer: a hash or signature of all bytes before the footers, or reserved space."""

    TYPE: ClassVar[int] = 128
    FORMATS: ClassVar[dict[int, str]] = {
        0: "reserved space",
        1: "RSA 3072",
        2: "RSA 4096",
        3: "SHA-256",
        4: "SHA-384",
        5: "SHA-512",
        6: "ECDSA P-256",
    }
    format: int
    data: bytes

    def encode(self) -> bytes:
        return struct.pack("<I", self.format) + self.data

    @classmethod
    def decode(cls, data: bytes) -> Self:
        if len(data) < 4:
            raise TbfError("A Credentials TLV has no room for its format.")
        return cls(struct.unpack_from("<I", data)[0], data[4:])

    def describe(self) -> list[tuple[str, str]]:
        name = self.FORMATS.get(self.format, f"format {self.format}")
        return [("footer", f"{name}, {len(self.data)} bytes")]


@dataclass(frozen=True)
class Unknown:
    """A TLV of a type that this tool does not know; kept as it is."""

    type: int
    data: bytes

    def encode(self) -> bytes:
        return self.data

    def describe(self) -> list[tuple[str, str]]:
        origin = "out-of-tree" if self.type & 0x8000 else "unknown"
        return [(f"{origin} TLV {self.type & 0x7FFF:#x}", f"{len(self.data)} bytes")]


HEADER_TLVS = (
    Main,
    WriteableFlashRegions,
    PackageName,
    FixedAddresses,
    Permissions,
    StoragePermissions,
    KernelVersion,
    Program,
    ShortId,
    PythonProgram,
)
_HEADER_DECODERS = {tlv.TYPE: tlv.decode for tlv in HEADER_TLVS}


def _encode_tlvs(tlvs: Iterable[Tlv]) -> bytes:
    out = bytearray()
    for tlv in tlvs:
        data = tlv.encode()
        if len(data) > 0xFFFF:
            raise TbfError(f"TLV {tlv.type} is longer than 65535 bytes.")
        out += struct.pack("<HH", tlv.type, len(data)) + data
        out += bytes(-len(data) % 4)
    return bytes(out)


T = TypeVar("T")


# ---------------------------------------------------------------------------- whole files


@dataclass(frozen=True)
class Header:
    """The header of a TBF. Without TLVs it is a padding app: space without a program."""

    total_size: int
    tlvs: tuple[Tlv, ...] = ()
    enabled: bool = True
    sticky: bool = False
    other_flags: int = 0

    def find(self, kind: type[T]) -> T | None:
        """The last TLV of that class: so the kernel reads them."""
        return next((tlv for tlv in reversed(self.tlvs) if isinstance(tlv, kind)), None)

    @property
    def size(self) -> int:
        return BASE_SIZE + len(_encode_tlvs(self.tlvs))

    @property
    def is_padding(self) -> bool:
        return self.program is None

    @property
    def program(self) -> Program | Main | None:
        """Program, which wins, or Main, or None in a padding app."""
        return self.find(Program) or self.find(Main)

    @property
    def name(self) -> str:
        package = self.find(PackageName)
        return package.name if package else ""

    @property
    def title(self) -> str:
        """The name, for people."""
        return printable(self.name) or "(no name)"

    @property
    def fixed_addresses(self) -> FixedAddresses:
        return self.find(FixedAddresses) or FixedAddresses(None, None)

    @property
    def protected_size(self) -> int:
        """Where the program begins."""
        return self.size + (self.program.protected_trailer_size if self.program else 0)

    @property
    def binary_end(self) -> int:
        """Where the footers begin."""
        program = self.find(Program)
        return program.binary_end_offset if program else self.total_size

    def encode(self) -> bytes:
        tlvs = _encode_tlvs(self.tlvs)
        flags = FLAG_ENABLED * self.enabled | FLAG_STICKY * self.sticky | self.other_flags
        size = BASE_SIZE + len(tlvs)
        if size > 0xFFFF:
            raise TbfError(f"The header would have {size} bytes; at most 65535 are possible.")
        base = struct.pack("<HHII", VERSION, size, u32(self.total_size, "total size"), flags)
        return base + struct.pack("<I", _checksum(base + tlvs)) + tlvs

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read the header at the start of `data`."""
        if len(data) < BASE_SIZE:
            raise TbfError("Not a Tock binary (TBF): too short for its header.")
        version, size, total_size, flags, checksum = struct.unpack_from("<HHIII", data)
        if version != VERSION:
            hint = (
                "an ELF file; `adder tbf` makes one of it"
                if data[:4] == b"\x7fELF"
                else f"its version would be {version}, not {VERSION}"
            )
            raise TbfError(f"Not a Tock binary (TBF): {hint}.")
        if size < BASE_SIZE or size % 4 or size > total_size:
            raise TbfError(f"The header size {size} is not possible.")
        if size > len(data):
            raise TbfError("The file ends inside the header.")
        if checksum != _checksum(data[:12] + data[BASE_SIZE:size]):
            raise TbfError("The header's checksum is wrong: the file is damaged, so build or download it anew.")
        tlvs: list[Tlv] = []
        at = BASE_SIZE
        while at < size:
            kind, length = struct.unpack_from("<HH", data, at)
            if at + 4 + align4(length) > size:
                raise TbfError(f"The TLV of type {kind} is longer than the header.")
            value = data[at + 4 : at + 4 + length]
            decode = _HEADER_DECODERS.get(kind)
            tlvs.append(decode(value) if decode else Unknown(kind, value))
            at += 4 + align4(length)
        return cls(
            total_size,
            tuple(tlvs),
            enabled=bool(flags & FLAG_ENABLED),
            sticky=bool(flags & FLAG_STICKY),
            other_flags=flags & ~(FLAG_ENABLED | FLAG_STICKY),
        )


def _checksum(data: bytes) -> int:
    return reduce(lambda a, b: a ^ b, (word for (word,) in struct.iter_unpack("<I", data)), 0)


@dataclass(frozen=True)
class Tbf:
    """A whole TBF: `header.total_size` is always the length of `encode()`."""

    header: Header
    trailer: bytes = b""
    binary: bytes = b""
    footers: tuple[Tlv, ...] = ()
    padding: bytes = b""
    """What comes after the last footer, or after the program if there are no footers."""

    @property
    def name(self) -> str:
        return self.header.name

    def encode(self) -> bytes:
        out = self.header.encode() + self.trailer + self.binary
        out += _encode_tlvs(self.footers) + self.padding
        if len(out) != self.header.total_size:
            raise TbfError(f"The header says {self.header.total_size} bytes, there are {len(out)}.")
        return out

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read the TBF at the start of `data`; what follows it is left alone."""
        header = Header.decode(data)
        size = header.total_size
        if size > len(data):
            raise TbfError(f"Cut short: the header says {size} bytes, there are {len(data)}.")
        if header.is_padding:
            return cls(header, padding=data[header.size : size])
        start, end = header.protected_size, header.binary_end
        if not start <= end <= size:
            raise TbfError(f"The program would reach from {start:#x} to {end:#x} of {size:#x}.")
        if header.find(Program) is None:
            return cls(header, data[header.size : start], data[start:size])
        footers: list[Tlv] = []
        at = end
        while at + 4 <= size:
            kind, length = struct.unpack_from("<HH", data, at)
            if kind == 0 or at + 4 + align4(length) > size:
                break  # what is left is padding
            value = data[at + 4 : at + 4 + length]
            is_credentials = kind == Credentials.TYPE
            footers.append(Credentials.decode(value) if is_credentials else Unknown(kind, value))
            at += 4 + align4(length)
        trailer, binary = data[header.size : start], data[start:end]
        return cls(header, trailer, binary, tuple(footers), data[at:size])


@dataclass(frozen=True)
class Damaged:
    """A place in flash where a header should be and none can be read."""

    problem: str
    size: int = 0
    """Up to the next header, if that much can be read; 0: the list of apps ends here."""


def walk(flash: bytes) -> Iterator[tuple[int, Header | Damaged]]:
    """What the kernel finds in the app flash `flash`, with the offsets; erased flash ends it without a word.

    The first eight bytes of a header are trusted to say where the next one is, whatever else is wrong with it.
    """
    at = 0
    while at < len(flash):
        found = _element(flash, at)
        if found is None:
            return
        yield at, found
        size = found.size if isinstance(found, Damaged) else found.total_size
        if size == 0:
            return
        at += size


def _element(flash: bytes, at: int) -> Header | Damaged | None:
    rest = len(flash) - at
    if flash[at : at + 4] == b"\xff\xff\xff\xff":
        return None
    if rest < BASE_SIZE:
        return Damaged("There is no room for a header.")
    version, _, size = struct.unpack_from("<HHI", flash, at)
    if version != VERSION:
        return Damaged(f"Not a Tock binary (TBF): its version would be {version}, not {VERSION}.")
    if size < BASE_SIZE or size % 4 or size > rest:
        return Damaged(f"The header says that the app has {size} bytes, which is not possible.")
    try:
        return Header.decode(flash[at : at + size])
    except TbfError as error:
        return Damaged(str(error), size)


# ---------------------------------------------------------------------------- bundles


@dataclass(frozen=True)
class Tab:
    """An app bundle: one app, for several architectures or addresses."""

    metadata: dict[str, Any]
    tbfs: dict[str, Tbf]
    """By file name."""


def make_tab(
    tbfs: Sequence[Tbf],
    *,
    architecture: str = "cortex-m4",
    names: Sequence[str | None] = (),
    boards: Sequence[str] = (),
    build_date: datetime | None = None,
) -> bytes:
    """Pack TBFs of one app into a TAB; the same input gives the same bytes.

    A file is called as `names` says, or after the architecture and the addresses that the program is linked for.
    """
    if not tbfs:
        raise TbfError("A TAB needs at least one TBF.")
    titles = {tbf.name for tbf in tbfs}
    if len(titles) != 1:
        raise TbfError(f"A TAB holds one app, not {', '.join(sorted(titles))}.")
    if any(0xDC80 <= ord(character) <= 0xDCFF for character in tbfs[0].name):
        raise TbfError(f"A TAB is text in UTF-8, which the app's name {printable(tbfs[0].name)} is not.")
    files: dict[str, bytes] = {}
    for tbf, given in zip_longest(tbfs, names):
        fixed = tbf.header.fixed_addresses
        parts = [given or architecture]
        if given is None and (fixed.flash is not None or fixed.ram is not None):
            parts += [f"{NO_ADDRESS if a is None else a:#010x}" for a in (fixed.flash, fixed.ram)]
        file_name = ".".join([*parts, "tbf"])
        if file_name in files:
            raise TbfError(f"Two of the TBFs would be {file_name} in the TAB.")
        files[file_name] = tbf.encode()

    lines = ["tab-version = 1", f"name = {_toml_string(tbfs[0].name)}"]
    version = tbfs[0].header.find(KernelVersion)
    if version is not None:
        lines.append(f'minimum-tock-kernel-version = "{version.major}.{version.minor}"')
    if boards:
        lines.append(f"only-for-boards = {_toml_string(','.join(boards))}")
    if build_date is not None:
        lines.append(f"build-date = {build_date.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
    metadata = "\n".join([*lines, ""]).encode()

    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for file_name, contents in [("metadata.toml", metadata), *sorted(files.items())]:
            entry = tarfile.TarInfo(file_name)
            entry.size = len(contents)
            tar.addfile(entry, io.BytesIO(contents))
    return out.getvalue()


def _toml_string(text: str) -> str:
    escaped = "".join(f"\\u{ord(c):04x}" if ord(c) < 0x20 or c in '"\\\x7f' else c for c in text)
    return f'"{escaped}"'


def read_tab(data: bytes) -> Tab:
    """Read a TAB. Its files may stand in a folder, as tar writes `./name`, and it may be packed with gzip."""
    metadata: dict[str, Any] | None = None
    tbfs: dict[str, Tbf] = {}
    try:
        for path, contents in files_in(_unpacked(data)):
            name = PurePosixPath(path).name  # "./cortex-m4.tbf", "blink/cortex-m4.tbf"
            if name.startswith("._"):
                continue  # macOS's tar writes a file's attributes so
            if name.lower() == "metadata.toml":
                if metadata is not None:
                    raise TbfError("There are two files called metadata.toml.")
                metadata = _metadata(contents)
            elif name.lower().endswith((".tbf", ".bin")):  # the latter in bundles of Tock 1.0
                if name in tbfs:
                    raise TbfError(f"There are two files called {name}.")
                tbfs[name] = _decode_member(name, contents)
    except TbfError as error:
        raise TbfError(f"In the TAB: {error}") from error
    except (ArchiveError, zlib.error) as error:
        raise TbfError(f"Not a TAB: {error}.") from error
    if metadata is None:
        raise TbfError("Not a TAB: it has no metadata.toml.")
    return Tab(metadata, tbfs)


def _metadata(contents: bytes) -> dict[str, Any]:
    if len(contents) > LARGEST_METADATA:
        raise ArchiveError(f"metadata.toml has more than {LARGEST_METADATA:,} bytes")
    try:
        return read_toml(contents.decode("utf-8-sig"))
    except (TomlError, UnicodeDecodeError) as error:
        raise ArchiveError(f"metadata.toml: {error}") from error


def _decode_member(name: str, contents: bytes) -> Tbf:
    try:
        return Tbf.decode(contents)
    except TbfError as error:
        raise TbfError(f"{name}: {error}") from error


def _unpacked(data: bytes) -> bytes:
    """A TAB without gzip's packing; never more than a TAB may have."""
    if not data.startswith(GZIP):
        return data
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    out = unpacker.decompress(data, LARGEST_TAB + 1)
    if len(out) > LARGEST_TAB:
        raise TbfError(f"Unpacked, it has more than {LARGEST_TAB // MEGABYTE} MB.")
    if not unpacker.eof:
        raise TbfError("The gzip file is cut short.")
    return out


def is_tab(data: bytes) -> bool:
    """Whether this looks like a TAB, whatever its file is called."""
    if data.startswith(GZIP):
        return True
    return is_tar(data) or data[:512].lower().startswith((b"metadata.toml\0", b"./metadata.toml\0"))


def read_tbf_file(path: Path) -> bytes:
    """The bytes of a file that should be a TBF or a TAB."""
    return read_file(path, LARGEST_TAB)


# ---------------------------------------------------------------------------- the verbs

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("tab")
@click.argument("tbfs", metavar="TBF...", nargs=-1, required=True, type=_FILE)
@click.option("-o", "--output", type=_FILE, required=True, help="The TAB to write.")
@click.option("--architecture", default="cortex-m4", show_default=True)
@click.option("--board", "boards", multiple=True, help="Only for this board; repeatable.")
@click.option("--build-date", is_flag=True, help="Record the time; then no two TABs are equal.")
def tab_command(
    tbfs: tuple[Path, ...],
    output: Path,
    architecture: str,
    boards: tuple[str, ...],
    build_date: bool,
) -> None:
    """Pack TBFs of one app into a Tock app bundle."""
    now = datetime.now(UTC) if build_date else None
    read = [_decode_file(path, read_tbf_file(path)) for path in tbfs]
    write_bytes(output, make_tab(read, architecture=architecture, boards=boards, build_date=now))


def _decode_file(path: Path, data: bytes) -> Tbf:
    try:
        return Tbf.decode(data)
    except TbfError as error:
        raise TbfError(f"{path}: {error}") from error


@click.command("inspect")
@click.argument("file", type=_FILE)
def inspect_command(file: Path) -> None:
    """Show what a TBF, a TAB or a flash image contains."""
    from adder.output import console, facts

    out = console()
    data = read_tbf_file(file)
    if is_tab(data):
        try:
            tab = read_tab(data)
        except TbfError as error:
            raise TbfError(f"{file}: {error}") from error
        out.print(facts((key, str(value)) for key, value in tab.metadata.items()))
        for file_name, tbf in tab.tbfs.items():
            out.print(f"\n{printable(file_name)}", style="bold")
            out.print(facts(describe(tbf)))
        return
    found = list(walk(data))
    if not found or isinstance(found[0][1], Damaged):
        _decode_file(file, data)  # which says what is wrong with it
    for offset, element in found:
        if len(found) > 1:
            out.print(f"{'' if offset == 0 else chr(10)}at {offset:#x}", style="bold")
        if isinstance(element, Damaged):
            out.print(facts([("damaged", element.problem)]))
        else:
            tbf = _decode_file(file, data[offset : offset + element.total_size])
            out.print(facts(describe(tbf)))


FOR_TOCK_1 = "if it is made for Tock 1.x, whose system calls are others, it ends at once: build it again"


def may_be_for_tock_1(header: Header) -> bool:
    """Whether a program names no version of the kernel's interface, as those for Tock 1.x do."""
    return header.program is not None and header.find(KernelVersion) is None and header.find(PythonProgram) is None


def describe(tbf: Tbf) -> list[tuple[str, str]]:
    """Names and values, for people, of what a TBF says."""
    header = tbf.header
    if header.is_padding:
        return [("padding", f"{header.total_size} bytes")]
    flags = "enabled" if header.enabled else "disabled"
    rows = [("name", header.name or "(none)")]
    rows += [("size", f"{header.total_size} bytes"), ("header", f"{header.size} bytes")]
    rows += [("program", f"{len(tbf.binary)} bytes at {header.protected_size:#x}")]
    rows += [("flags", flags + (", sticky" if header.sticky else ""))]
    has_program = header.find(Program) is not None
    for tlv in header.tlvs:
        both = isinstance(tlv, Main) and has_program
        if not both and not isinstance(tlv, PackageName):
            rows += tlv.describe()
    if may_be_for_tock_1(header):
        rows += [("kernel interface", f"not said; {FOR_TOCK_1}")]
    for tlv in tbf.footers:
        rows += tlv.describe()
    return rows
