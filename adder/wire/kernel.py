"""The kernel that is to be wired, as the linker made it: memory, names, and what it says of the interpreter's state."""

import struct
from functools import cached_property
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from adder.errors import AdderError

FACT = struct.Struct("<40sI")  # fact_t (firmware/core/wired.c)


class Kernel:
    """An ELF file, read once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.symbols: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        self.types: dict[int, str] = {}
        """The types of objects that C has, by address."""
        with path.open("rb") as file:
            elf = ELFFile(file)
            self.segments: list[tuple[int, int, bytes]] = [
                (part["p_vaddr"], part["p_paddr"], part.data())
                for part in elf.iter_segments("PT_LOAD")
                if part["p_filesz"]
            ]
            facts = elf.get_section_by_name(".wire_facts")
            self._facts = facts.data() if facts else b""
            for section in elf.iter_sections():
                if isinstance(section, SymbolTableSection):
                    for symbol in section.iter_symbols():
                        if symbol["st_info"]["type"] == "STT_FILE" or symbol.name.startswith("$"):
                            continue
                        self.symbols[symbol.name] = symbol["st_value"]
                        self.sizes[symbol.name] = symbol["st_size"]
                        if (
                            symbol["st_info"]["type"] == "STT_OBJECT"
                            and elf.get_section(symbol["st_shndx"]).name != ".wire_facts"
                        ):
                            self.types[symbol["st_value"]] = symbol.name

    @cached_property
    def facts(self) -> dict[str, int]:
        """What C says of the interpreter's state: offsets in it, by name."""
        entries = FACT.iter_unpack(self._facts)
        return {name.rstrip(b"\0").decode(): value for name, value in entries}

    def state(self, member: str) -> int:
        """The address of a member of the interpreter's state."""
        return int(self.symbols["kernel_python_state"]) + self.facts[member]

    def load_address(self, name: str) -> int:
        """Where the image has a variable or constant."""
        address = self.symbols[name]
        for start, load, data in self.segments:
            if start <= address < start + len(data):
                return load + address - start
        raise AdderError(f"{self.path}: '{name}' is not in the image.")

    def bytes(self, address: int, count: int) -> bytes:
        """What the image has there."""
        for start, _, data in self.segments:
            if start <= address and address + count <= start + len(data):
                return data[address - start : address - start + count]
        raise AdderError(f"0x{address:08x}: {count} bytes are not in the image.")

    def word(self, address: int) -> int:
        return int.from_bytes(self.bytes(address, 4), "little")

    def holds(self, address: int) -> bool:
        """Whether the image has something there, which stays as it is: code and constants in flash."""
        return any(start <= address < start + len(data) for start, load, data in self.segments if start == load)
