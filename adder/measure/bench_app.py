"""The apps that `adder bench` measures, and what it has counted in them."""

import statistics
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from adder.apps.tbf import PIC_FLASH
from adder.image.flash_image import PlacedApp
from adder.symbols import Symbols


@dataclass
class Samples:
    """What was counted for one operation."""

    counts: list[int] = field(default_factory=list)
    profiles: list[Counter[int]] = field(default_factory=list)

    worst: bool = False
    """The largest is what counts, not the median."""

    @property
    def figure(self) -> int:
        return max(self.counts) if self.worst else self.median

    @property
    def median(self) -> int:
        return statistics.median_low(self.counts)

    @property
    def profile(self) -> Counter[int]:
        """Where the instructions of the median sample went, by address."""
        return self.profiles[self.counts.index(self.median)]


@dataclass(frozen=True)
class BenchApp:
    """An app in the flash, with its symbols at the addresses where it lies."""

    placed: PlacedApp
    symbols: Symbols | None


def find_elf(tbf: Path) -> Path | None:
    """The ELF file from which a TBF was made.

    It has the same name or, when several apps are made from one ELF file, the beginning of it.
    """
    candidates = [elf for elf in tbf.parent.glob("*.elf") if tbf.stem.startswith(elf.stem)]
    return max(candidates, key=lambda elf: len(elf.stem), default=None)


def load_app(placed: PlacedApp, elf: Path | None) -> BenchApp:
    """Join an installed app with its ELF file, if there is one."""
    if elf is None:
        return BenchApp(placed, None)
    fixed = placed.app.fixed_address is not None
    shift = 0 if fixed else placed.code - PIC_FLASH
    low = placed.address if fixed else PIC_FLASH
    return BenchApp(placed, Symbols.read(elf, shift, low=low, high=low + placed.app.size))
