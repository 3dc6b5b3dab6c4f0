"""The kernel that was wired when it was built is the one that wires itself, without what it does that with.

The second verifier (adder/verify_image) has read the code of the latter. So the build compares them, byte by byte.
"""

from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

from adder.errors import AdderError
from adder.wire.kernel import Kernel

SECTIONS = (".before", ".interpreter", ".bytecode", ".kernel", ".null_type", ".data", ".bss")
ENDS = (
    "_heap_start", "_heap_end", "_process_ram_start", "_kernel_ram_end", "_wiring_code_start", "_wiring_code_end",
    "_wiring_end",
)  # fmt: skip
"""Where the heap, the processes' memory and the code for wiring begin and end, which differs: the linker has put it
into some words."""


def sections(path: Path) -> dict[str, tuple[int, bytes]]:
    """Where a kernel's sections are, and what is in them; of those without contents, their size."""

    def contents(section: Any) -> bytes:
        return bytes(section["sh_size"]) if section["sh_type"] == "SHT_NOBITS" else bytes(section.data())

    with path.open("rb") as file:
        found = {section.name: section for section in ELFFile(file).iter_sections()}
        return {name: (found[name]["sh_addr"], contents(found[name])) for name in SECTIONS}


def check_same(wired: Kernel, unwired: Kernel) -> None:
    """Raise AdderError at the first difference."""
    ends = {(unwired.symbols[name], wired.symbols[name]) for name in ENDS}
    others = sections(unwired.path)
    for name, (start, data) in sections(wired.path).items():
        other_start, other = others[name]
        if start != other_start or len(data) != len(other):
            raise AdderError(
                f"{wired.path}: {moved(wired, unwired)} It is for wiring alone: `FOR_WIRING` (core/wired.h)."
            )
        for at in range(-(start % 4), len(data), 4):
            one, two = (int.from_bytes(part[max(at, 0) : at + 4], "little") for part in (data, other))
            code = unwired.symbols["_frozen_code_start"] <= start + at < unwired.symbols["_frozen_code_end"]
            if one != two and (code or (two, one) not in ends):
                raise AdderError(
                    f"{wired.path}: the word at 0x{start + at:08x} is 0x{one:08x}, and 0x{two:08x} in the kernel that"
                    " wires itself."
                )


def moved(wired: Kernel, unwired: Kernel) -> str:
    """What is left out and lies among what stays, or else what is first elsewhere."""
    end = unwired.symbols["_wired"]
    gone = sorted(name for name, at in unwired.symbols.items() if at < end and name not in wired.symbols)
    return f"the linker leaves out {', '.join(gone[:8])}." if gone else "the linker has moved something."
