"""Names for addresses, from ELF files."""

import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from adder.elf import open_elf
from adder.errors import AdderError


@dataclass(frozen=True, order=True)
class Symbol:
    """A function or a table of machine code, at its address in memory."""

    address: int
    size: int
    name: str

    @property
    def end(self) -> int:
        return self.address + self.size


class Symbols:
    """Symbols of one or more ELF files, to be looked up by name or by address."""

    def __init__(self, symbols: list[Symbol]) -> None:
        # Of several symbols at one address the largest one says most (aliases have size 0).
        self._sorted = sorted(symbols, key=lambda symbol: (symbol.address, symbol.size))
        self._starts = [symbol.address for symbol in self._sorted]
        self._by_name = {symbol.name: symbol for symbol in self._sorted}

    @classmethod
    def read(cls, path: Path, shift: int = 0, *, low: int = 0, high: int = 1 << 32) -> Self:
        """The symbols of an ELF file that are linked in [`low`, `high`), moved by `shift`."""
        from elftools.elf.sections import SymbolTableSection

        found = []
        with open_elf(path) as elf:
            for section in elf.iter_sections():
                if not isinstance(section, SymbolTableSection):
                    continue
                for entry in section.iter_symbols():
                    kind = entry["st_info"]["type"]
                    if kind not in ("STT_FUNC", "STT_OBJECT", "STT_NOTYPE"):
                        continue
                    # "$t" and "$d" mark code and data within a function; no name is no use.
                    if not entry.name or entry.name.startswith("$"):
                        continue
                    if entry["st_shndx"] == "SHN_UNDEF":
                        continue
                    address = entry["st_value"]
                    if kind == "STT_FUNC":
                        address &= ~1  # bit 0 says Thumb
                    if low <= address < high:
                        found.append(Symbol(address + shift, entry["st_size"], entry.name))
        if not found:
            raise AdderError(f"{path} has no symbols; was it stripped?")
        return cls(found)

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Symbol:
        try:
            return self._by_name[name]
        except KeyError:
            raise AdderError(f"The ELF file has no symbol '{name}'.") from None

    def __iter__(self) -> Iterator[Symbol]:
        return iter(self._sorted)

    def at(self, address: int) -> str | None:
        """The name of what lies at `address`."""
        index = bisect_right(self._starts, address) - 1
        # Step back over labels inside a function to the function itself.
        for candidate in reversed(self._sorted[max(0, index - 16) : index + 1]):
            if candidate.address <= address < candidate.end:
                return candidate.name
        if index >= 0 and self._sorted[index].size == 0:
            return self._sorted[index].name  # an assembly label without a size
        return None


def find_symbol(path: Path, name: str) -> int | None:
    """The value of one symbol of an ELF file, found without reading the others; None if there is none."""
    try:
        with open_elf(path) as elf:
            table = elf.get_section_by_name(".symtab")
            if table is None:
                return None
            names = elf.get_section(table["sh_link"]).data()
            wanted = names.find(b"\0" + name.encode() + b"\0") + 1
            for at, value, _size, _info in struct.iter_unpack("<IIII", table.data()):
                if wanted and at == wanted:
                    return int(value)
    except AdderError:
        pass
    return None
