"""The functions in C that Capsule Python can reach: functions.toml, whose head says how to read it."""

import tomllib
from pathlib import Path
from typing import Any, NamedTuple

FUNCTIONS: dict[str, Any] = tomllib.loads((Path(__file__).parent / "functions.toml").read_text())


class Call(NamedTuple):
    """What the verifier asks of a built-in function."""

    least: int
    most: int
    safe: tuple[str, ...]
    gives: str


def _call(name: str, row: dict[str, Any]) -> Call:
    takes = row["takes"]
    least, most = row.get("count", (len(takes), len(takes)))
    if any(kind.endswith("?") or kind == "..." for kind in takes) and "count" not in row:
        raise ValueError(f"functions.toml: builtins.{name} needs a count")
    return Call(least, most, tuple(row.get("safe", ["anything"])), row["gives"])


BUILTINS: dict[str, Call] = {name: _call(name, row) for name, row in FUNCTIONS["builtins"].items()}
"""The built-in functions that there are."""

OPERATORS: dict[str, list[tuple[str, str]]] = {
    name: [(first, second) for first, second in row["safe"]] for name, row in FUNCTIONS["operators"].items()
}
"""The operators that there are: the pairs of kinds of which one has to be proved."""

GIVES: dict[str, str] = {name: row["gives"] for name, row in FUNCTIONS["operators"].items()}
"""What an operator gives."""
