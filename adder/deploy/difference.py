"""What a set of apps would change on a board: versions, flash, RAM, and what they may use."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adder.apps.app_files import App
from adder.apps.drivers import DRIVERS
from adder.apps.tbf import Header, Permissions, Program
from adder.deploy.remote import Installed, Remote
from adder.deploy.sets import Wanted

_NAMES = {number: name for name, number in DRIVERS.items()}


@dataclass
class Difference:
    """What is to be done, and a line for each app."""

    install: list[App] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    enable: list[str] = field(default_factory=list)
    disable: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def changes(self) -> int:
        """How many apps are not as they are to be."""
        return len({app.name for app in self.install} | {*self.remove, *self.enable, *self.disable})

    def for_programs(self) -> dict[str, Any]:
        return {
            "install": [app.name for app in self.install],
            "remove": self.remove,
            "enable": self.enable,
            "disable": self.disable,
        }


def difference(remote: Remote, there: Mapping[str, Installed], wanted: Wanted, new: Mapping[str, App]) -> Difference:
    """From what is there to what is wanted."""
    found = Difference()
    for name, it in wanted.apps.items():
        old = there.get(name)
        if it.file is None:
            if old is not None:
                _remove(found, old)
            continue
        app = new[name]
        if old is None or not is_same(remote, old, app):
            found.install.append(app)
            found.lines.append(f"{'+' if old is None else '~'} {app.title}: {_changes(old, app)}")
        if it.enabled != (old.enabled if old is not None else app.header.enabled):
            (found.enable if it.enabled else found.disable).append(name)
            found.lines.append(f"~ {app.title}: {'enabled' if it.enabled else 'disabled'}")
    if wanted.only:
        for name, old in there.items():
            if name not in wanted.apps:
                _remove(found, old)
    return found


def _remove(found: Difference, old: Installed) -> None:
    found.remove.append(old.name)
    title = old.header.title if old.header else old.name
    found.lines.append(f"- {title}: flash {old.size:,}, RAM {_ram(old.header):,}")


def is_same(remote: Remote, old: Installed, app: App) -> bool:
    """Whether the board has just this app already."""
    return old.size == app.size and remote.checksum(old) == zlib.crc32(app.data)


def _version(header: Header | None) -> int:
    program = header.find(Program) if header else None
    return program.app_version if program else 0


def _ram(header: Header | None) -> int:
    """What its header asks for; a process has some more."""
    program = header.program if header else None
    return program.min_ram if program else 0


def _changes(old: Installed | None, app: App) -> str:
    """In words."""
    before = old.header if old else None
    parts = []
    versions = _version(before), _version(app.header)
    if old is None:
        parts.append(f"version {versions[1]}")
    elif versions[0] != versions[1]:
        parts.append(f"version {versions[0]} -> {versions[1]}")
    for what, was, becomes in (("flash", old.size if old else 0, app.size), ("RAM", _ram(before), _ram(app.header))):
        if old is None:
            parts.append(f"{what} {becomes:,}")
        elif was != becomes:
            parts.append(f"{what} {was:,} -> {becomes:,}")
    parts += _permissions(old, app)
    return ", ".join(parts) or "another program of the same version and size"


def _permissions(old: Installed | None, app: App) -> list[str]:
    """What it may use that the old one may not, and the other way round."""
    after = _drivers(app.header)
    before = _drivers(old.header) if old else set()
    if old is not None and before == after:
        return []
    if after is None:
        return ["may use every driver" if old is None else "may now use every driver"]
    if before is None:
        return [f"may now use only {_named(after)}"]
    parts = []
    if after - before:
        parts.append(f"{'may use' if old is None else 'additionally may use'} {_named(after - before)}")
    if before - after:
        parts.append(f"no longer may use {_named(before - after)}")
    return parts


def _drivers(header: Header | None) -> set[int] | None:
    """The drivers that it may use; None: all."""
    permissions = header.find(Permissions) if header else None
    return None if permissions is None else {it.driver for it in permissions.permissions if it.mask}


def _named(drivers: set[int]) -> str:
    return ", ".join(_NAMES.get(driver, f"{driver:#x}") for driver in sorted(drivers)) or "nothing"
