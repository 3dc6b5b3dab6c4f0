"""What the board's wiring asks of UICR, the nRF52840's settings in flash: Product Specification v1.7, 4.5 "UICR".

Bits of UICR can be cleared, and are set only when all of it is erased, with the lock of the debug port (APPROTECT) and
a bootloader's address. So a word is written only if it is erased. The chip looks at them when it is reset.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NVMC_CONFIG = 0x4001E504  # 4.3, "CONFIG"
NVMC_WRITE, NVMC_READ_ONLY = 1, 0

ERASED = 0xFFFFFFFF
PSELRESET = (0x10001200, 0x10001204)
NFCPINS = 0x1000120C
REGOUT0 = 0x10001304
ADDRESSES = (*PSELRESET, NFCPINS, REGOUT0)

_NFC_PINS = (9, 10)
_VOLTS = ("1.8", "2.1", "2.4", "2.7", "3.0", "3.3")


@dataclass(frozen=True)
class Setting:
    """A word of UICR that a board needs."""

    address: int
    value: int
    mask: int
    """The bits that matter."""
    what: str


def wanted(options: Mapping[str, int]) -> list[Setting]:
    """What a board with these options needs."""
    found = []
    reset = options["NRF52_RESET_PIN"]
    if reset >= 0:
        # The chip takes the pin only if both words agree.
        what = f"P{reset // 32}.{reset % 32:02} is the reset pin"
        found += [Setting(address, reset, 0x8000003F, what) for address in PSELRESET]
    is_pin = re.compile(r"NRF52_(UART_(TX|RX|RTS|CTS)|LED\d|BUTTON\d|GPIO\d)")
    if any(is_pin.fullmatch(name) and pin in _NFC_PINS for name, pin in options.items()):
        found.append(Setting(NFCPINS, ERASED & ~1, 1, "P0.09 and P0.10 are pins like others, not the antenna's"))
    volts = options["NRF52_REGOUT0"]
    if volts >= 0:
        what = f"pins have {_VOLTS[volts]} V if the chip is supplied through its high-voltage regulator"
        found.append(Setting(REGOUT0, ERASED & ~7 | volts, 7, what))
    return found


def parse_words(said: str) -> dict[int, int]:
    """The words of memory that a tool shows: an address, and words of eight digits after it."""
    found = {}
    for address, words in re.findall(r"(?im)^[ \t]*(?:0x)?([0-9a-f]{8})[ \t]*[:=]((?:[ \t]+[0-9a-f]{8}\b)+)", said):
        for index, word in enumerate(words.split()):
            found[int(address, 16) + 4 * index] = int(word, 16)
    return found


@dataclass(frozen=True)
class Findings:
    """What is to be done about a chip's UICR."""

    write: Sequence[Setting] = ()
    conflicts: Sequence[Setting] = ()
    """Settings whose words have another value, which only erasing all could change."""
    unknown: bool = False
    """Whether the chip's could not be read."""


def compare(settings: Sequence[Setting], words: Mapping[int, int]) -> Findings:
    """What is missing in a chip whose UICR holds these words."""
    if any(setting.address not in words for setting in settings):
        return Findings(unknown=True)
    differs = [setting for setting in settings if (words[setting.address] ^ setting.value) & setting.mask]
    return Findings(
        [setting for setting in differs if words[setting.address] == ERASED],
        [setting for setting in differs if words[setting.address] != ERASED],
    )
