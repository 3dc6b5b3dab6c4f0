"""Apps as files: what a TBF or a TAB holds that can be installed."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from adder.apps.credentials import renewed
from adder.apps.tbf import (
    SMALLEST_TBF,
    Header,
    Main,
    Program,
    Tbf,
    TbfError,
    is_tab,
    read_tab,
    read_tbf_file,
    u32,
)

ARCHITECTURE = "cortex-m4"
"""How bundles name the processor that the boards have."""


@dataclass(frozen=True)
class App:
    """One Tock binary: its bytes, and what its header says."""

    data: bytes
    header: Header
    flags: int | None = field(default=None, compare=False)
    """What the directory of the board that has it says (adder/image/directory.py), in place of its header."""

    @property
    def name(self) -> str:
        return self.header.name

    @property
    def title(self) -> str:
        """The name, for people."""
        return self.header.title

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def fixed_address(self) -> int | None:
        """Where the linked image must lie, if the app was linked for one address."""
        return self.header.fixed_addresses.flash

    @property
    def alignment(self) -> int:
        """What the start must be a multiple of, so that one MPU region covers the app."""
        return 1 << (max(self.size, SMALLEST_TBF) - 1).bit_length()

    @property
    def footprint(self) -> int:
        """Bytes that nothing else may use: whole sub-regions, an eighth of the region each."""
        eighth = self.alignment // 8
        return -(-self.size // eighth) * eighth

    def with_more_ram(self, extra: int) -> Self:
        """The same app, asking for `extra` bytes of RAM more. Its hashes are made anew; a signature cannot be."""
        if extra == 0:
            return self
        tlvs = tuple(
            replace(tlv, min_ram=u32(tlv.min_ram + extra, "RAM")) if isinstance(tlv, Main | Program) else tlv
            for tlv in self.header.tlvs
        )
        header = replace(self.header, tlvs=tlvs)
        try:
            tbf = replace(Tbf.decode(self.data), header=header)
            covered = header.encode() + tbf.trailer + tbf.binary
            data = replace(tbf, footers=tuple(renewed(footer, covered) for footer in tbf.footers)).encode()
        except TbfError as error:
            raise TbfError(f"{self.title} cannot be given more RAM: {error}") from None
        return type(self)(data, header)


def read_app(data: bytes, where: str) -> App:
    """The app in a TBF; `where` names it in error messages."""
    try:
        tbf = Tbf.decode(data)
    except TbfError as error:
        raise TbfError(f"{where}: {error}") from error
    header = tbf.header
    if header.is_padding:
        raise TbfError(f"{where} is a padding app, which holds no program.")
    if header.total_size % 4:
        raise TbfError(f"{where}: its size, {header.total_size} bytes, is no multiple of 4.")
    return App(bytes(data[: header.total_size]), header)


def read_candidates(path: Path) -> list[App]:
    """The app in a `.tbf` file, or those for Cortex-M4 in a TAB: one app, linked for one or more places."""
    data = read_tbf_file(path)
    if not is_tab(data) and path.suffix.lower() != ".tab":
        return [read_app(data, str(path))]
    try:
        tbfs = read_tab(data).tbfs
    except TbfError as error:
        raise TbfError(f"{path}: {error}") from error
    fitting = [name for name in sorted(tbfs) if name.lower().split(".")[0] == ARCHITECTURE]
    if not fitting:
        there = ", ".join(sorted({name.split(".")[0] for name in tbfs})) or "none"
        raise TbfError(f"{path} holds no programs for {ARCHITECTURE}; those that it holds are for: {there}.")
    apps = [read_app(tbfs[name].encode(), f"{path}: {name}") for name in fitting]
    # One that can lie anywhere comes first.
    return sorted(apps, key=lambda app: (app.fixed_address is not None, app.fixed_address or 0))


def read_app_file(path: Path) -> App:
    """The app in a file that holds one; of several, the first, which may lie anywhere if one may."""
    return read_candidates(path)[0]


def without_doubles(apps: Sequence[App]) -> list[App]:
    """The same app twice is one app; two different ones of one name are an error."""
    out: dict[str, App] = {}
    for app in apps:
        if out.setdefault(app.name, app) != app:
            raise TbfError(f"Two different apps are called '{app.title}'; leave one out, or name it anew.")
    return list(out.values())
