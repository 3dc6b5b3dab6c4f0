"""What a manifest may say: every key, name, text and number of it, checked in one place.

Where it is used, a manifest's text becomes C, a linker script, a part of make's own language, an argument of QEMU's.
So nothing is taken from one that could be more than the name or the number that it should be; and a key that nobody
knows is refused, since a `protected` that is misspelt would protect nothing.
"""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from adder.board.files import ROOT
from adder.board.title import A_TITLE, is_title
from adder.errors import AdderError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


@dataclass(frozen=True)
class Kind:
    """What an entry must be, in words, and whether it is."""

    what: str
    takes: Callable[[Any], bool]
    is_number: bool = False


Shape: TypeAlias = "dict[str, Shape] | Kind"
"""A table's entries; "?" behind the key of one that need not be there, "*" for any name."""


def _number(smallest: int, largest: int = 0xFFFFFFFF, what: str = "a number") -> Kind:
    return Kind(
        f"{what} from {smallest} to {largest:#x}, or what Kconfig calls one",
        lambda value: type(value) is int and smallest <= value <= largest,  # True is an int
        is_number=True,
    )


def _driver(prefix: str) -> Kind:
    """The KIND of a file `prefix_KIND.c`."""
    kinds = sorted(path.stem.removeprefix(prefix) for path in (ROOT / "firmware" / "port").glob(f"{prefix}*.c"))
    return Kind(f"{' or '.join(kinds)}, as in firmware/port/{prefix}KIND.c", lambda value: value in kinds)


def _text(what: str, pattern: re.Pattern[str]) -> Kind:
    return Kind(what, lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None)


NAME = _text("a name of at most 40 letters, digits and '_', which begins with no digit", _NAME)
WORD = _text("at most 40 letters, digits, '_' and '-'", _WORD)
TITLE = Kind(A_TITLE, lambda value: isinstance(value, str) and is_title(value))
NUMBER = _number(0)
SWITCH = Kind("true or false", lambda value: isinstance(value, bool))
OFFSETS = Kind("a list of numbers", lambda value: isinstance(value, list) and all(NUMBER.takes(part) for part in value))

MEMORIES = ("kernel_flash", "app_flash", "storage", "ram")
REGION: Shape = {"start": NUMBER, "size?": NUMBER, "end?": NUMBER}
CHANNEL: Shape = {
    "pointer?": NUMBER,
    "length?": NUMBER,
    "end?": NUMBER,
    "size?": NUMBER,
    "unit?": NUMBER,
    "off?": NUMBER,
    "shared?": SWITCH,
}
PERIPHERAL: Shape = {
    "if?": _number(0, 1),
    "base?": NUMBER,
    "within?": Kind(f"one of {', '.join(MEMORIES)}", lambda value: value in MEMORIES),
    "size": NUMBER,
    "simulated?": SWITCH,
    "protected?": OFFSETS,
    "irq?": {"*": NUMBER},
    "dma?": {"*": CHANNEL},
}
MANIFEST: Shape = {
    "name": WORD,
    "title": TITLE,
    "arch": WORD,
    "cpu_hz": NUMBER,
    "irq_lines": NUMBER,
    "simulator?": WORD,
    "panic_console": {"kind": _driver("panic_console_"), "base": NUMBER, "tx_pin?": _number(-1, 63, "a pin")},
    "sleep_clock?": {"base": NUMBER, "irq": NUMBER},
    "flash": {"kind": _driver("flash_"), "page": _number(1), "end?": NUMBER},
    "memory": {name: REGION for name in MEMORIES},
    "peripherals": {"*": PERIPHERAL},
}


def check(where: Path, manifest: dict[str, Any], options: bool = False) -> None:
    """Refuse a manifest that says anything else; with `options`, a number may still be the name of one of Kconfig's."""
    _check(where, "", manifest, MANIFEST, options)
    _either(where, "memory", manifest["memory"], "size", "end")
    _either(where, "peripherals", manifest["peripherals"], "base", "within")


def _either(where: Path, place: str, tables: dict[str, Any], one: str, other: str) -> None:
    """Each of these tables has one of two entries, and not both."""
    for name, table in tables.items():
        if (one in table) == (other in table):
            raise AdderError(f"{where}: {place}.{name} must have either '{one}' or '{other}'.")


def _check(where: Path, place: str, value: Any, shape: Shape, options: bool) -> None:
    if isinstance(shape, Kind):
        is_option = options and shape.is_number and NAME.takes(value)
        if not is_option and not shape.takes(value):
            raise AdderError(f"{where}: {place} = {_shown(value)} must be {shape.what}.")
        return
    if not isinstance(value, dict):
        raise AdderError(f"{where}: {place} = {_shown(value)} must be a table.")
    known = {key.removesuffix("?"): inner for key, inner in shape.items()}
    for key, inner in value.items():
        at = f"{place}.{key}" if place else key
        if not NAME.takes(key):
            raise AdderError(f"{where}: {place or 'it'} has an entry {_shown(key)}, which must be {NAME.what}.")
        if key not in known and "*" not in known:
            like = difflib.get_close_matches(key, known, 1)
            hint = f"is it '{like[0]}'?" if like else f"there are {', '.join(known)}."
            raise AdderError(f"{where}: there is no entry '{at}'; {hint}")
        _check(where, at, inner, known[key] if key in known else known["*"], options)
    for key in shape:
        if not key.endswith("?") and key != "*" and key not in value:
            raise AdderError(f"{where}: the entry '{f'{place}.{key}' if place else key}' is missing.")


def _shown(value: Any) -> str:
    """As an error may show it: of a long one, the beginning."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
