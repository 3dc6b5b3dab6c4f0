"""Which apps a board is to have, as a file says it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adder.errors import AdderError
from adder.text import read_text
from adder.toml import TomlError, read_toml


@dataclass(frozen=True)
class WantedApp:
    """One of them; without a file, it is not to be there."""

    file: Path | None
    enabled: bool = True


@dataclass(frozen=True)
class Wanted:
    """All of them. `only`: there are to be no others."""

    apps: dict[str, WantedApp] = field(default_factory=dict)
    only: bool = False


def read_set(path: Path) -> Wanted:
    """The set in a TOML file."""
    try:
        contents = read_toml(read_text(path))
    except TomlError as error:
        raise AdderError(f"{path}: not TOML: {error}.") from None
    apps = contents.pop("apps", {})
    only = contents.pop("only", False)
    if contents:
        raise AdderError(f"{path}: '{next(iter(contents))}' means nothing here; there are `only` and [apps].")
    if not isinstance(only, bool) or not isinstance(apps, dict):
        raise AdderError(f"{path}: `only` is true or false, and [apps] a table.")
    return Wanted({name: _app(path, name, value) for name, value in apps.items()}, only)


def _app(path: Path, name: str, value: Any) -> WantedApp:
    if value is False:
        return WantedApp(None)
    if isinstance(value, str):
        value = {"file": value}
    if not isinstance(value, dict) or set(value) - {"file", "enabled"} or not isinstance(value.get("file"), str):
        raise AdderError(
            f'{path}: {name} is a file\'s name, {{file = "…", enabled = false}}, or false: it is not to be there.'
        )
    enabled = value.get("enabled", True)
    if not isinstance(enabled, bool):
        raise AdderError(f"{path}: {name}: `enabled` is true or false.")
    file = path.parent / value["file"]
    if not file.exists():
        raise AdderError(f"{path}: {name}: {file} does not exist.")
    return WantedApp(file, enabled)
