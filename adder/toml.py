"""TOML as others have written it: what comes of it can be shown, and comes soon.

`tomllib` takes numbers that Python refuses to print, tables as deep as the text is long, and, for keys of many parts,
time that grows with their square.
"""

import tomllib
from typing import Any

from adder.errors import AdderError

MOST_DOTS = 100
"""In a line, so in a key."""

DEEPEST = 50


class TomlError(AdderError):
    """The text is not TOML, or says what no file of ours does; the message has no full stop, as `tomllib`'s."""


def read_toml(text: str) -> dict[str, Any]:
    """What the text says."""
    has_long_texts = '"""' in text or "'''" in text  # in which what begins with # is no comment
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > MOST_DOTS and (has_long_texts or not line.lstrip().startswith("#")):
            raise TomlError(f"There are more than {MOST_DOTS} dots (at line {number})")
    try:
        found = tomllib.loads(text)
    except RecursionError:
        raise TomlError("It is nested too deep") from None
    except ValueError as error:  # an error of the format, or a number that Python does not read
        raise TomlError(str(error)) from error
    _check(found)
    return found


def _check(found: dict[str, Any]) -> None:
    left: list[tuple[Any, int]] = [(found, 0)]
    while left:
        value, depth = left.pop()
        if depth > DEEPEST:
            raise TomlError("It is nested too deep")
        if isinstance(value, dict):
            left += [(part, depth + 1) for part in value.values()]
        elif isinstance(value, list):
            left += [(part, depth + 1) for part in value]
        elif isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            raise TomlError("A number in it has more than 64 bits")
