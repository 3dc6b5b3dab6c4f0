"""Makes Tock binaries (TBF) from ELF files: the verb `adder tbf`, which can stand in for elf2tab.

What goes into the TBF, in this order: the header, a trailer if one is needed, the ELF file's loadable segments by
physical address, the relocations of its initialised data (u32 length, then (offset, info) pairs that the app's
start-up code applies), credentials if they are asked for, and a footer of reserved space that brings the size to a
power of two, as the memory protection unit wants it.

It writes what elf2tab writes but for these differences, which a test holds:

- the program lies at a multiple of what its constants want: a trailer pads the header of a position-independent app;
- what follows the program begins at a multiple of 4;
- RAM is counted by sections, so a stack that has a section counts once, and what is written in flash does not count;
- relocations that start-up code cannot apply are an error, those that say nothing are left out;
- an app of less than 512 bytes has 512; the footers of an ECDSA signature are counted; TABs carry no date.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from adder import __version__
from adder.apps.credentials import Hash, Voucher, ecdsa_p256, rsa4096, sizes
from adder.apps.drivers import parse_permissions
from adder.apps.elf_file import AppElf, read_elf
from adder.apps.tbf import (
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
from adder.errors import AdderError
from adder.files import write_bytes
from adder.output import tell
from adder.text import MEGABYTE, printable, read_file

ARGUMENT_SECTION = ".app_argument"
TOCK_2 = KernelVersion(2, 0)
LARGEST_ELF = 256 * MEGABYTE
ELF2TAB = "0.13.0"
"""The version of elf2tab whose options are understood."""


@dataclass(frozen=True)
class Options:
    """What a TBF says that its ELF file does not know."""

    name: str
    argument: str | None = None
    stack: int | None = None
    """Bytes of stack to count; None = the size of the ELF's section `.stack`."""
    app_heap: int = 1024
    kernel_heap: int = 1024
    minimum_ram: int = 0
    permissions: Permissions | None = None
    storage: StoragePermissions | None = None
    kernel_version: KernelVersion | None = TOCK_2
    short_id: ShortId | None = None
    app_version: int = 0
    enabled: bool = True
    sticky: bool = False
    protected_trailer: int | None = None
    """None = as many bytes as put an app with a fixed address at a multiple of 256."""
    protected_region: int | None = None
    """The same, counted from the beginning of the header."""
    program_header: bool = True
    minimum_footer: int = 0
    credentials: tuple[Voucher, ...] = ()


def _trailer(elf: AppElf, options: Options, header_size: int) -> int:
    """Bytes between the header and the program."""
    fixed = None if elf.is_position_independent else elf.flash_start
    region = elf.protected_size if elf.protected_size is not None else options.protected_region
    if region is not None:
        if region < header_size:
            raise TbfError(
                f"The header needs {header_size} bytes, but the protected region has only {region} "
                "(symbol tbf_protected_region_size, or --protected-region-size)."
            )
        return region - header_size
    if options.protected_trailer is not None:
        return align4(options.protected_trailer)
    if fixed is None:
        return -header_size % elf.alignment
    if fixed % 256 < header_size:
        raise TbfError(
            f"The header needs {header_size} bytes, but only {fixed % 256} lie between a "
            f"multiple of 256 and the address {fixed:#x} that the app is linked for; "
            "link it for another address or give --protected-trailer."
        )
    return fixed % 256 - header_size


def elf_to_tbf(data: bytes, options: Options) -> Tbf:
    """Make a TBF from the ELF file `data`."""
    return convert(read_elf(data), options)


def convert(elf: AppElf, options: Options) -> Tbf:
    """Make a TBF of what an ELF file says."""
    if options.argument is not None:
        _write_argument(elf, options.argument)
    if not options.program_header and (options.minimum_footer or options.credentials):
        raise TbfError("Footers need the Program header.")
    regions = [
        section
        for section in elf.sections
        if ".wfr" in section.name and elf.in_flash(section) and section.address + section.size <= elf.flash_end
    ]
    fixed_flash = None if elf.is_position_independent else elf.flash_start
    fixed_ram = elf.ram_start or None
    stack = elf.stack if options.stack is None else options.stack
    min_ram = align4(elf.static_ram) + (stack + 7 & ~7)
    min_ram += align4(options.app_heap) + align4(options.kernel_heap)
    min_ram = u32(max(min_ram, options.minimum_ram), "minimum RAM")

    def header(trailer: int, binary_end: int, total_size: int, region_base: int) -> Header:
        # bit 0 of the entry point, which says Thumb, is kept
        entry = elf.entry - elf.flash_start + trailer
        tlvs: list[Tlv] = [Main(entry, trailer, min_ram)]
        if options.program_header:
            version = u32(options.app_version, "app version")
            tlvs.append(Program(entry, trailer, min_ram, binary_end, version))
        if regions:
            pairs = ((region_base + s.address - elf.flash_start, s.size) for s in regions)
            tlvs.append(WriteableFlashRegions(tuple(pairs)))
        if options.name:
            tlvs.append(PackageName(options.name))
        if fixed_flash is not None or fixed_ram is not None:
            tlvs.append(FixedAddresses(fixed_ram, fixed_flash))
        optional = (options.permissions, options.storage, options.kernel_version, options.short_id)
        tlvs += [tlv for tlv in optional if tlv is not None]
        return Header(total_size, tuple(tlvs), options.enabled, options.sticky)

    if not elf.flash_start <= elf.entry & ~1 < elf.flash_end:
        raise TbfError(f"The entry point {elf.entry:#x} is outside the program.")
    header_size = header(0, 0, 0, 0).size
    trailer = _trailer(elf, options, header_size)
    start = header_size + trailer

    binary = bytes(elf.flash) + struct.pack("<I", len(elf.relocations)) + elf.relocations
    binary += bytes(-(start + len(binary)) % 4)
    vouched = sizes(options.credentials)
    reserved = align4(max(options.minimum_footer - vouched, 8)) if options.minimum_footer > vouched else 0
    used = start + len(binary) + vouched
    total = max(SMALLEST_TBF, 1 << (used + reserved - 1).bit_length())
    left = total - used
    if not options.program_header or left < 8:  # too little for a footer
        binary += bytes(left)
        left = 0
    if not options.program_header:
        return Tbf(header(trailer, start + len(binary), total, start), bytes(trailer), binary)
    final = header(trailer, start + len(binary), total, start)
    covered = final.encode() + bytes(trailer) + binary
    footers: list[Tlv] = [voucher.make(covered) for voucher in options.credentials]
    footers += reserved_space(left)
    return Tbf(final, bytes(trailer), binary, tuple(footers))


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


def _write_argument(elf: AppElf, argument: str) -> None:
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


class _Command(click.Command):
    """Options of elf2tab's that take one or more values: `--read_ids 1 2` is `--read_ids 1 --read_ids 2`."""

    SEVERAL = ("--permissions", "--read_ids", "--access_ids")

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        out: list[str] = []
        option = None
        for at, arg in enumerate(args):
            more = arg[:1].isdigit() and "." not in arg and at and args[at - 1] != option
            if option is not None and more:
                out += [option, arg]
                continue
            out.append(arg)
            if arg in self.SEVERAL:
                option = arg
            elif not arg[:1].isdigit():
                option = None
        return super().parse_args(ctx, out)


_NUMBER = _Number()
_FILE = click.Path(dir_okay=False, path_type=Path)


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


def parse_elf2tab_permissions(texts: Sequence[str]) -> list[str]:
    """elf2tab's `DRIVER,COMMAND` in our own form."""
    out = []
    for text in texts:
        driver, comma, command = text.partition(",")
        if not comma or not (driver.isdecimal() and command.isdecimal()):
            raise TbfError(f"--permissions: '{text}' must be DRIVER,COMMAND, two decimal numbers, as in 2,0.")
        out.append(f"{int(driver)}:{int(command)}")
    return out


def split_architecture(text: str) -> tuple[Path, str | None]:
    """The path and the architecture of `ELF,ARCHITECTURE`, or of an ELF file that is named after one."""
    path, comma, architecture = text.rpartition(",")
    if comma and not Path(text).exists():
        return Path(path), architecture
    stem = Path(text).stem
    known = stem.startswith(("cortex-m", "rv32"))
    return Path(text), stem if known else None


def warn(text: str) -> None:
    """Say what may be wrong, and go on."""
    tell(f"Warning: {printable(text)}", error=True)


def _convert_file(path: Path, options: Options) -> Tbf:
    try:
        elf = read_elf(read_file(path, LARGEST_ELF))
        misplaced = elf.misplaced_relocations()
        if misplaced is not None:
            warn(
                f"{path}: {misplaced} lies where the program's start-up code looks for relocations, so it will fault "
                "as soon as it starts; give the section a place in the linker script, or discard it there (/DISCARD/)."
            )
        if elf.protected_size is not None and options.protected_region not in (None, elf.protected_size):
            warn(f"{path}: its symbol tbf_protected_region_size = {elf.protected_size} overrides the option.")
        return convert(elf, options)
    except TbfError as error:
        raise TbfError(f"{path}: {error}") from error


@click.command("tbf", cls=_Command)
@click.argument("elfs", metavar="ELF[,ARCHITECTURE]...", nargs=-1, required=True)
@click.option(
    "-o", "--output", "--output-file", type=_FILE,
    help="The TBF to write; otherwise next to ELF. A name in .tab is that of a TAB, as for elf2tab.",
)  # fmt: skip
@click.option("--tab", type=_FILE, help="Also write a TAB that holds it.")
@click.option("-n", "--name", "--package-name", help="Package name; ELF's name without .elf if absent.")
@click.option("--argument", metavar="TEXT", help="Text for the app's app_argument().")
@click.option("--stack", type=_NUMBER, help="Bytes of stack, if ELF has no section .stack.")
@click.option("--app-heap", type=_NUMBER, default=1024, show_default=True, help="Bytes of heap.")
@click.option("--kernel-heap", type=_NUMBER, default=1024, show_default=True, help="Bytes for grants.")
@click.option("--minimum-ram-size", type=_NUMBER, default=0, help="Ask for this much RAM at least.")
@click.option(
    "--permission", multiple=True, metavar="DRIVER[:COMMANDS]",
    help="Allow only these, as led, led:0 or 0x2:0,1-3; repeatable. All is allowed if there is none.",
)  # fmt: skip
@click.option("--permissions", multiple=True, metavar="DRIVER,COMMAND", help="The same in elf2tab's form.")
@click.option("--write-id", "--write_id", type=_NUMBER, help="Storage: identifier of what the app writes.")
@click.option("--read-id", "--read_ids", "read_id", type=_NUMBER, multiple=True, help="Storage: may read this.")
@click.option("--modify-id", "--access_ids", "modify_id", type=_NUMBER, multiple=True, help="Storage: may change this.")
@click.option("--kernel-version", default=None, help="Interface needed, or none.  [default: 2.0]")
@click.option("--kernel-major", type=_NUMBER, help="The same, in two parts.")
@click.option("--kernel-minor", type=_NUMBER, help="The second of them.")
@click.option("--short-id", type=_NUMBER, help="A number, not 0, that identifies the app.")
@click.option("--app-version", type=_NUMBER, default=0, help="The app's own version.")
@click.option("--disable", is_flag=True, help="The kernel does not start it.")
@click.option("--sticky", is_flag=True, help="Tools do not remove it without force.")
@click.option("--protected-trailer", type=_NUMBER, help="Bytes to add after the header.")
@click.option("--protected-region-size", type=_NUMBER, help="Bytes of the header and what is added to it.")
@click.option("--no-program-header", is_flag=True, help="Only the old Main TLV, no footers.")
@click.option("--footer-size", "--minimum-footer-size", type=_NUMBER, default=0, help="Bytes of footer to reserve.")
@click.option("--sha256", is_flag=True, help="Add a SHA-256 hash.")
@click.option("--sha384", is_flag=True, help="Add a SHA-384 hash.")
@click.option("--sha512", is_flag=True, help="Add a SHA-512 hash.")
@click.option("--rsa4096-private", type=_FILE, metavar="KEY", help="Add a signature with this RSA key of 4096 bits.")
@click.option("--ecdsa-nist-p256-private", type=_FILE, metavar="KEY", help="Add a signature with this P-256 key.")
@click.option("--supported-boards", help="For the TAB: boards that the app is for, with commas between them.")
@click.option("--deterministic", is_flag=True, help="TABs carry no date; they never do.")
@click.option("-v", "--verbose", is_flag=True, help="Say what was made.")
@click.version_option(ELF2TAB, message=f"adder-tbf %(version)s (the options of elf2tab; Adder {__version__})")
def tbf_command(
    elfs: tuple[str, ...],
    output: Path | None,
    tab: Path | None,
    name: str | None,
    argument: str | None,
    stack: int | None,
    app_heap: int,
    kernel_heap: int,
    minimum_ram_size: int,
    permission: tuple[str, ...],
    permissions: tuple[str, ...],
    write_id: int | None,
    read_id: tuple[int, ...],
    modify_id: tuple[int, ...],
    kernel_version: str | None,
    kernel_major: int | None,
    kernel_minor: int | None,
    short_id: int | None,
    app_version: int,
    disable: bool,
    sticky: bool,
    protected_trailer: int | None,
    protected_region_size: int | None,
    no_program_header: bool,
    footer_size: int,
    sha256: bool,
    sha384: bool,
    sha512: bool,
    rsa4096_private: Path | None,
    ecdsa_nist_p256_private: Path | None,
    supported_boards: str | None,
    deterministic: bool,
    verbose: bool,
) -> None:
    """Make a Tock binary from an app's ELF file.

    It takes elf2tab's options, too, so that it can do that tool's work: `make ELF2TAB="adder tbf"`.
    """
    files = [split_architecture(text) for text in elfs]
    if output is not None and output.suffix.lower() == ".tab":
        if tab is not None:
            raise AdderError("Both --output and --tab name a TAB; leave one of them out.")
        output, tab = None, output
    if output is not None and len(files) > 1:
        raise AdderError("One TBF cannot hold several ELF files; give -o the name of a TAB.")
    if kernel_minor is not None and kernel_major is None:
        raise AdderError("--kernel-minor says nothing without --kernel-major.")
    if kernel_major is not None and kernel_version is not None:
        raise AdderError("--kernel-version and --kernel-major say the same; leave one of them out.")
    version = f"{kernel_major}.{kernel_minor or 0}" if kernel_major is not None else kernel_version or "2.0"
    storage = None
    if write_id is not None or read_id or modify_id:
        storage = StoragePermissions(write_id or 0, read_id, modify_id)
    vouchers: list[Voucher] = [Hash(bits) for bits, wanted in ((256, sha256), (384, sha384), (512, sha512)) if wanted]
    if rsa4096_private is not None:
        vouchers.append(rsa4096(rsa4096_private))
    if ecdsa_nist_p256_private is not None:
        vouchers.append(ecdsa_p256(ecdsa_nist_p256_private))
    options = Options(
        name=files[0][0].stem if name is None else name,
        argument=argument,
        stack=stack,
        app_heap=app_heap,
        kernel_heap=kernel_heap,
        minimum_ram=minimum_ram_size,
        permissions=parse_permissions([*permission, *parse_elf2tab_permissions(permissions)]),
        storage=storage,
        kernel_version=parse_kernel_version(version),
        short_id=None if short_id is None else ShortId.decode(struct.pack("<I", short_id)),
        app_version=app_version,
        enabled=not disable,
        sticky=sticky,
        protected_trailer=protected_trailer,
        protected_region=protected_region_size,
        program_header=not no_program_header,
        minimum_footer=footer_size,
        credentials=tuple(vouchers),
    )
    made = [_convert_file(path, options) for path, _ in files]
    for (path, _), tbf in zip(files, made, strict=True):
        target = output or path.with_suffix(".tbf")
        write_bytes(target, tbf.encode())
        if verbose:
            program = tbf.header.program
            assert program is not None
            tell(f"{target}: {tbf.header.total_size:,} bytes of flash, {program.min_ram:,} bytes of RAM")
    if tab is not None:
        architectures = [architecture for _, architecture in files]
        boards = supported_boards.split(",") if supported_boards else ()
        write_bytes(tab, make_tab(made, names=architectures, boards=boards))
