"""The apps of a board that is running, and changes of them: each is true by one record in its flash, or not."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from adder.apps.app_files import App
from adder.apps.tbf import BASE_SIZE, Header, Program, TbfError
from adder.deploy import link as wire
from adder.deploy.link import Link, Refused
from adder.errors import AdderError

ENABLED, STICKY, KEPT, GONE, BAD = 1, 2, 4, 8, 16
TRIAL = 64

_TRIES = 30  # a tenth of a second each

PAGE = 4096
LONGEST_HEADER = 4096

STATES = ("running", "waiting", "waiting", "faulted", "ended")
STOPPED = 8

# What has become of a trial (capsules/deploy/trial.py).
RUNS, PASSED = 1, 2
VERDICTS = ("", "it is still on trial", "it stays", "it faulted", "it was stopped or could not start", "it hung")


@dataclass(frozen=True)
class Installed:
    """An app on the board, and its process, if it has one."""

    number: int
    start: int
    size: int
    flags: int
    slot: int | None
    state: int
    restarts: int
    ram_start: int
    ram_end: int
    short_id: int
    dropped: int
    header: Header | None = None

    @property
    def name(self) -> str:
        return self.header.name if self.header else ""

    @property
    def is_app(self) -> bool:
        """Whether it is one that counts: neither removed, nor damaged, nor an older version that is kept."""
        return not self.flags & (KEPT | GONE | BAD)

    @property
    def enabled(self) -> bool:
        return bool(self.flags & ENABLED)

    @property
    def sticky(self) -> bool:
        return bool(self.flags & STICKY)

    @property
    def ram(self) -> int:
        return self.ram_end - self.ram_start

    @property
    def version(self) -> int:
        program = self.header.find(Program) if self.header else None
        return program.app_version if program else 0

    @property
    def state_name(self) -> str:
        """For people."""
        if self.flags & BAD:
            return "damaged"
        if self.flags & KEPT:
            return "kept to go back to"
        if self.flags & TRIAL:
            return "on trial"
        if not self.enabled:
            return "disabled"
        if self.slot is None:
            return "stopped"
        return "paused" if self.state & STOPPED else STATES[min(self.state, len(STATES) - 1)]


@dataclass(frozen=True)
class About:
    """What the board says of itself."""

    version: int
    apps: int
    flash: int
    block: int
    most: int
    at_once: int
    blocks: int = 1
    """Blocks that may be under way at a time."""


def fitting(app: App) -> App:
    """The app with a size that the store can give it: the MPU covers it, and a padding header fits behind it."""
    size = app.size
    if _can_be(size):
        return app
    size = app.footprint if _can_be(app.footprint) else app.alignment
    header = replace(app.header, total_size=size)
    return App(header.encode() + app.data[app.header.size :] + bytes(size - app.size), header)


def _can_be(size: int) -> bool:
    past = size % PAGE
    if past and past > PAGE - BASE_SIZE:
        return False
    piece = 32
    while piece * 16 < size:
        piece *= 2
    return size % piece == 0


class Remote:
    """A board in a session."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.about = About(*link.words(wire.ABOUT)[:7])
        if (
            self.about.most > wire.MOST_APPS
            or not 1 <= self.about.at_once <= wire.MOST_AT_ONCE
            or not 1 <= self.about.blocks <= wire.MOST_BLOCKS
        ):
            raise AdderError(
                f"The board says that it can have {self.about.most} apps, take {self.about.at_once} at once and "
                f"{self.about.blocks} blocks at a time, which no board can: the line loses bytes, or this is no board "
                "of ours."
            )

    # -- Looking ----------------------------------------------------------------------------------

    def apps(self) -> list[Installed]:
        """What is installed, in the order of their addresses."""
        count = self.link.words(wire.ABOUT)[1]
        if count > self.about.most:
            raise AdderError(f"The board says that it has {count} apps, and that it can have {self.about.most}.")
        found = []
        for number in range(count):
            start, size, flags, slot, state, restarts, ram_start, ram_end, short_id, dropped = self.link.words(
                wire.APP, number
            )[:10]
            process = slot - 1 if slot else None
            app = Installed(number, start, size, flags, process, state, restarts, ram_start, ram_end, short_id, dropped)
            if not flags & GONE:
                found.append(replace(app, header=None if flags & BAD else self._header(number)))
        return found

    def _header(self, number: int) -> Header | None:
        data = self.link.read(number, 0, BASE_SIZE)
        size = int.from_bytes(data[2:4], "little")
        if not BASE_SIZE <= size <= LONGEST_HEADER:
            return None
        try:
            return Header.decode(data + self.link.read(number, BASE_SIZE, size - BASE_SIZE))
        except TbfError:
            return None

    def find(self, name: str) -> Installed:
        """The app of that name."""
        apps = [app for app in self.apps() if app.is_app]
        for app in apps:
            if app.name == name:
                return app
        there = ", ".join(sorted(app.header.title for app in apps if app.header)) or "none"
        raise AdderError(f"The board has no app '{name}'; there are: {there}.")

    def damaged(self) -> list[str]:
        """Where something lies that nobody can read: in `remove` that stands for a name."""
        return [f"{app.start:#x}" for app in self.apps() if app.flags & BAD]

    def checksum(self, app: Installed) -> int:
        """The CRC-32 of its bytes in the flash."""
        return self.link.words(wire.SUM, app.number)[0]

    # -- Changing ---------------------------------------------------------------------------------

    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        """What is done within becomes true at its end, all of it; or none, if it fails."""
        self._begin()
        try:
            yield
            self.link.ask(wire.COMMIT)
        except Refused:
            self._abort()
            raise
        except BaseException:
            with contextlib.suppress(AdderError):
                self._abort()
            raise

    def _begin(self) -> None:
        """What an app was loading is forgotten for us, which takes a moment."""
        for _ in range(_TRIES):
            try:
                self.link.ask(wire.BEGIN)
                return
            except Refused as error:
                if error.status != wire.BUSY:
                    raise
                time.sleep(0.1)
        self.link.ask(wire.BEGIN)

    def _abort(self) -> None:
        self.link.ask(wire.ABORT, accept=(wire.RESERVE, wire.INVAL, wire.CANCEL))

    def apply(
        self,
        install: Sequence[App] = (),
        remove: Sequence[str] = (),
        enable: Sequence[str] = (),
        disable: Sequence[str] = (),
        progress: Callable[[int], None] = lambda count: None,
        keep: bool = False,
        trial: int = 0,
    ) -> None:
        """All of that at once. An app that is installed takes the place of one of its name.

        `keep`: that one stays in the flash, to go back to. `trial`: so it does for so many seconds, in which the
        new ones have to prove themselves.
        """
        if len(install) > self.about.at_once:
            raise AdderError(f"At most {self.about.at_once} apps can be installed at once, not {len(install)}.")
        try:
            self._apply(install, remove, enable, disable, progress, keep, trial, self.about.blocks)
        except Refused as error:
            if not error.is_garbled or self.about.blocks == 1:
                raise
            # Others take so much of its processor that it does not keep up with the line: one block after the other.
            self._apply(install, remove, enable, disable, lambda count: None, keep, trial, 1)

    def _apply(
        self,
        install: Sequence[App],
        remove: Sequence[str],
        enable: Sequence[str],
        disable: Sequence[str],
        progress: Callable[[int], None],
        keep: bool,
        trial: int,
        blocks: int,
    ) -> None:
        apps = self.apps()
        for one in apps:
            if one.flags & TRIAL and not one.flags & KEPT and (install or one.name in (*enable, *disable)):
                raise AdderError(f"{one.name} is on trial; wait until that is decided.")
        there = [app for app in apps if app.is_app]
        known = {app.name for app in there} | {app.name for app in install}
        damaged = {f"{app.start:#x}" for app in apps if app.flags & BAD}
        for name in (*remove, *enable, *disable):
            if name not in known and not (name in remove and name in damaged):
                self.find(name)
        with self.change():
            for app in install:
                try:
                    number = self.link.write(app.data, blocks, progress)
                except Refused as error:
                    raise Refused(error.status, f"{app.title}: {error}", error.command) from None
                enabled = app.name in enable or (app.header.enabled and app.name not in disable)
                if trial or enabled != app.header.enabled:
                    self._set(number, app.header.sticky, enabled, TRIAL * bool(trial))
            new = {app.name for app in install}
            for old in apps:
                if old.flags & BAD:
                    if f"{old.start:#x}" in remove:
                        self.link.ask(wire.DROP, old.number)
                    continue
                if old.name in remove or (old.name in new and (old.flags & KEPT or not (keep or trial))):
                    self.link.ask(wire.DROP, old.number)
                elif old.name in new:
                    self._set(old.number, old.sticky, old.enabled, KEPT | TRIAL * bool(trial))
                elif old.is_app and (old.name in enable or old.name in disable):
                    self._set(old.number, old.sticky, old.name in enable)
            if trial:
                self.link.ask(wire.TRIAL, trial)

    def _set(self, number: int, sticky: bool, enabled: bool, more: int = 0) -> None:
        self.link.ask(wire.FLAGS, number, STICKY * sticky | ENABLED * enabled | more)

    def verdict(self) -> tuple[int, int]:
        """What has become of the last trial, and how many seconds it goes on."""
        state, seconds = self.link.words(wire.TRIAL)[:2]
        return state, seconds

    def is_on_trial(self) -> bool:
        """Whether any app is, or what comes in its place is not decided."""
        return any(app.flags & TRIAL for app in self.apps())

    def roll_back(self, name: str) -> Installed:
        """The version that is kept and the one in its place change places; returns what is in force now."""
        current = self.find(name)
        for old in self.apps():
            if old.name == name and old.flags & (KEPT | TRIAL) == KEPT:
                with self.change():
                    self._set(old.number, current.sticky, current.enabled)
                    self._set(current.number, current.sticky, current.enabled, KEPT)
                return old
        raise AdderError(
            f"No other version of {name} is kept on the board; `adder install --keep` keeps the one before."
        )

    # -- Moving -----------------------------------------------------------------------------------

    def largest_piece(self, apps: Sequence[Installed]) -> int:
        """Bytes of free flash in one piece, at most, in whole pages."""
        largest = end = 0
        for app in apps:
            largest = max(largest, app.start // PAGE * PAGE - end)
            end = -(-(app.start + app.size) // PAGE) * PAGE
        return max(largest, self.about.flash // PAGE * PAGE - end)

    def move_together(self) -> list[str]:
        """Move apps that do not run to lower places, each by a record of its own; the names of those that moved."""
        moved = []
        for name, start in [(app.name, app.start) for app in self.apps()]:
            if self._move(start, True) or (self._has_hole_below(start) and self._move_over_the_end(start)):
                moved.append(name)
        return moved

    def _has_hole_below(self, start: int) -> bool:
        ends = [app.start + app.size for app in self.apps() if app.start < start]
        return start - max(ends, default=0) >= PAGE

    def _move_over_the_end(self, start: int) -> bool:
        """One that is larger than the hole below it goes to the end, and from there down."""
        return self._move(start, False) and self._move(max(app.start for app in self.apps()), True)

    def _move(self, start: int, low: bool) -> bool:
        """Whether the app that begins there, which is as ever otherwise, lies elsewhere now."""
        for app in self.apps():
            if app.start == start and app.slot is None and not app.flags & (BAD | TRIAL):
                self.link.ask(wire.BEGIN)
                try:
                    self.link.ask(wire.COPY, app.number, int(low))
                    self.link.ask(wire.COMMIT)
                except Refused as error:
                    self._abort()
                    if error.status in (wire.NOMEM, wire.INVAL):
                        return False
                    raise
                return True
        return False

    def start(self, app: Installed) -> None:
        """Begin its process; from now on it begins at each boot, too."""
        if not app.enabled:
            self.apply(enable=[app.name])
        elif app.slot is None:
            self.link.ask(wire.RUN, app.number)
        elif app.state & ~STOPPED in (3, 4):  # its process has ended: another one in its place
            self.link.ask(wire.END, app.number)
            self.link.ask(wire.RUN, app.number)

    def stop(self, app: Installed) -> None:
        """End its process until it is started, or until the next boot."""
        if app.slot is not None:
            self.link.ask(wire.END, app.number)
