"""Where the lines are that a Python app's traceback names.

A traceback names a module by the app: `fan.py` if the app was built from one file, `fan/lib/gear.py` if from a folder,
whatever the file and the folder are called (python_app.py).
"""

import os.path
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

from adder.apps.python_app import App
from adder.errors import AdderError
from adder.text import MEGABYTE, read_file

MOST_LOOKED_AT = 200
"""Sources in which an app's name is looked for."""

_FRAME = re.compile(r'\s*File "([^"\\\x00-\x1f]{1,200}\.py)", line (\d{1,6})\b')


def apps_at(place: Path) -> list[App]:
    """The apps that somebody may mean who names this file or folder: it, and what lies in it."""
    if place.is_file():
        return [App(place)]
    mains = [*place.glob("main.py"), *sorted(place.glob("*/main.py"))]
    files = [] if (place / "main.py") in mains else sorted(place.glob("[!.]*.py"))  # there, others are its modules
    found = [*(main.parent for main in mains), *(path for path in files if not path.name.startswith("test_"))]
    return [App(path) for path in found[:MOST_LOOKED_AT]]


def _is_called(app: App, name: str) -> bool:
    try:
        return app.settings().name == name
    except AdderError:
        return False


def _module(app: App, shown: str, name: str) -> Path | None:
    """The file that a traceback of the app called `name` shows so; None if that is none of its modules."""
    if shown == f"{name}.py":
        return app.main
    first, _, rest = shown.partition("/")
    path = PurePosixPath(rest)
    if first != name or not rest or path.is_absolute() or ".." in path.parts:
        return None
    return (app.path if app.is_folder else app.path.parent) / path


def find_module(shown: str, name: str, apps: list[App]) -> Path | None:
    """The file that a traceback of the app called `name` shows so; None if there is none, or several."""
    there = [(app, module) for app in apps if (module := _module(app, shown, name)) and os.path.isfile(module)]
    named = {module.resolve() for app, module in there if _is_called(app, name)}
    files = named or {module.resolve() for _, module in there}
    return files.pop() if len(files) == 1 else None


def with_source(text: str, name: str, place: Path) -> Iterator[str]:
    """The lines; below each of a traceback that names a line of the app's own, that line."""

    @cache
    def lines_of(shown: str) -> list[str]:
        module = find_module(shown, name, apps)
        if module is None or module.stat().st_size > MEGABYTE:  # as the compiler takes none
            return []
        return read_file(module, MEGABYTE).decode(errors="replace").splitlines()

    apps = apps_at(place)
    for line in text.splitlines():
        yield line
        if match := _FRAME.match(line):
            source, number = lines_of(match[1]), int(match[2])
            if 0 < number <= len(source):
                yield f"    {source[number - 1].strip()}"
